import os
import subprocess
import sys
from pathlib import Path

import pytest

from nas.cli.streams import spelled_plainly
from nas.errors import printable

ROOT = Path(__file__).resolve().parents[2]
LIST = ("spaces", "list")


def nas(*words: str, output: str = "", **variables: str) -> subprocess.CompletedProcess:
    """Run one command in a shell, with its output redirected by `output`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    command = f'"$0" -m nas "$@" {output}'
    return subprocess.run(
        ["bash", "-c", command, sys.executable, *words],
        env=environment,
        capture_output=True,
        timeout=120,
    )


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii", "utf-8:strict"])
def test_a_table_is_printed_in_any_encoding(encoding):
    done = nas(*LIST, PYTHONIOENCODING=encoding)

    assert (done.returncode, done.stderr) == (0, b"")
    assert b"mobilenet" in done.stdout


def test_a_name_that_ascii_lacks_is_refused_in_ascii():
    done = nas("report", "run=Dvořák☃", PYTHONIOENCODING="ascii")

    assert done.returncode == 2
    assert b"Dvorak?" in done.stderr


def test_a_full_output_is_one_message():
    done = nas(*LIST, output="> /dev/full")

    assert done.returncode == 2
    assert done.stderr.startswith(b"nas: standard output cannot be written (No space left")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("output", [">&-", "2>&-", "<&- >&- 2>&-", "| head -c 1"])
def test_an_output_that_is_closed_stops_nothing(output):
    done = nas(*LIST, output=output)

    assert done.returncode == 0
    assert b"Traceback" not in done.stderr


def test_a_character_is_spelled_by_what_the_encoding_has():
    assert spelled_plainly("◆ ± │ é ☃", "ascii") == "* +- | e ?"
    assert spelled_plainly("± é", "latin-1") == "± é"


def test_escapes_and_control_characters_are_no_part_of_a_printable_text():
    assert printable("\x1b]0;title\x07\x1b[1;31mred\x1b[0m\r\x00 a\n\tb") == "red a\n\tb"
