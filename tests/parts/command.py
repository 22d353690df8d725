"""Command lines run in this process, and a search that needs no training."""

import itertools
import shutil
from pathlib import Path

import pytest

from nas.cli.main import main


def words_of_a_table(folder: Path) -> list[str]:
    """Write a table of 16 architectures, and return overrides that search it."""
    path = folder / "t.csv"
    rows = [
        f"{a},{b},{0.5 + a / 10 + b / 20},{100 * (1 + a) * (1 + b)}"
        for a, b in itertools.product(range(4), repeat=2)
    ]
    path.write_text("\n".join(["a,b,quality,bytes", *rows]) + "\n")
    return [
        "preset=table",
        f"table.path={path}",
        "table.parameters=[a,b]",
        "table.quality=quality",
        "table.size=bytes",
        "sampler=random",
        "stopping.num_trials=5",
    ]


@pytest.fixture
def table_words(tmp_path) -> list[str]:
    """Overrides that search a table: no model is built, nothing is trained."""
    return words_of_a_table(tmp_path)


@pytest.fixture(scope="session")
def folder_of_a_table_run(tmp_path_factory) -> Path:
    """A folder where a table was searched: `runs/t`, of five trials. Not for a test to change."""
    folder = tmp_path_factory.mktemp("searched")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        words = ["name=t", "ui=none", "execution=inline"]
        assert main(["search", *words_of_a_table(folder), *words]) == 0
    return folder


@pytest.fixture
def table_run(folder_of_a_table_run, launch_folder) -> Path:
    """A run `runs/t` of five trials, for the test to change."""
    shutil.copytree(folder_of_a_table_run / "runs", launch_folder / "runs")
    return launch_folder / "runs" / "t"


@pytest.fixture
def nas(capsys):
    """Run one command line in this process: its exit status, and what it wrote."""

    def run(*words: str) -> tuple[int, str, str]:
        status = main(words)
        written = capsys.readouterr()
        return status, written.out, written.err

    return run
