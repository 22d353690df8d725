"""The command lines of `nas search` on the experiments' pages are ones that it takes."""

import re
import shlex
from pathlib import Path

import pytest

from nas.cli.main import main

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = [
    *(REPOSITORY / "experiments").rglob("*.md"),
    *(REPOSITORY / "experiments").rglob("*.yaml"),
]


def _searches() -> list[str]:
    """Return each `nas search ...` that stands alone on its lines, or behind a `&&`."""
    found = []
    for page in sorted(PAGES):
        text = page.read_text().replace("\\\n", " ")
        found += re.findall(r"^(?:    |#   |\$ )(?:.*&& )?(nas search .*)$", text, re.MULTILINE)
    return [" ".join(line.split()) for line in found]


def test_the_pages_have_searches():
    assert len(_searches()) >= 10


@pytest.mark.parametrize("line", sorted(set(_searches())))
def test_a_search_of_a_page_is_one_that_nas_takes(line, monkeypatch, capsys):
    monkeypatch.chdir(REPOSITORY)  # where the pages say to stand
    words = shlex.split(line, comments=True)[1:]

    assert main([*words, "--cfg", "job"]) == 0, capsys.readouterr().err
