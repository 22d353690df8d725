"""Command lines run in this process, and a search that needs no training."""

import itertools

import pytest

from nas.cli.main import main


@pytest.fixture
def table_words(tmp_path) -> list[str]:
    """Overrides that search a table of 16 architectures: no model is built, nothing is trained."""
    path = tmp_path / "t.csv"
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
def nas(capsys):
    """Run one command line in this process: its exit status, and what it wrote."""

    def run(*words: str) -> tuple[int, str, str]:
        status = main(words)
        written = capsys.readouterr()
        return status, written.out, written.err

    return run
