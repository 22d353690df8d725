"""docs/optuna.md: what it shows is run here, on a run of a table."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from parts.command import folder_of_a_table_run, table_run  # noqa: F401 - fixtures
from parts.launch import launch_folder  # noqa: F401 - a fixture

PAGE = Path(__file__).resolve().parents[2] / "docs/optuna.md"


def blocks(kind):
    text = PAGE.read_text(encoding="utf-8")
    return [
        found.replace("first", "t") for found in re.findall(rf"```{kind}\n(.*?)```", text, re.S)
    ]


COMMANDS = [
    line for block in blocks("bash") for line in block.splitlines() if line[:6] == "optuna"
]


@pytest.mark.parametrize("line", COMMANDS, ids=lambda line: line.split()[1])
def test_a_command_of_optuna_reads_the_journal_and_leaves_it_as_it_was(table_run, line):  # noqa: F811
    before = (table_run / "study.journal").read_bytes()
    words = [sys.executable, "-c", "from optuna.cli import main; main()", *shlex.split(line)[1:]]

    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stderr
    assert "t" in done.stdout
    assert (table_run / "study.journal").read_bytes() == before


def test_the_page_shows_three_commands_of_optuna():
    assert len(COMMANDS) == 3


def test_pictures_and_tables_of_optuna_are_made_of_the_journal(table_run):  # noqa: F811
    pytest.importorskip("pandas")
    (code,) = blocks("python")
    code = code.replace('"size_bytes"', '"bytes"')
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"{code}\nprint(len(table), len(importances))"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == "5 2\n"
    assert Path("front.html").stat().st_size > 1000
