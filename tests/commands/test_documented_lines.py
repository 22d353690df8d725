"""Each command line that README and docs show is composed and checked as a user's would be.

What a line names but nobody has here (photos, an earlier run, the model of a device) may be
missing; a fault of any other kind fails the test. `RUN` lists the lines that are run too, with
what makes them small.
"""

import re
import shutil
import sys

import pytest
from parts.documented import ROOT, check_line, documented_lines

from nas.cli.main import main
from nas.errors import NasError

LINES = documented_lines()
MISSING = re.compile(
    r"there is no /\S+; give (?:a path that exists|the folder of a run)"
    r"|the run folder \S+ does not exist|there is no model of the device"
    r"|search_space.model: /\S+ is no folder|search_space.teacher: /\S+/MODEL/config.json"
    r"|the published weights of \S+ cannot be had"
)
HEADING = re.compile(r"the configuration has \d+ faults$")
SMALL = ("preset=smoke", "sampler=random", "stopping.num_trials=2", "ui=none")
RUN = {
    "nas search": SMALL,
    "nas search execution=inline": SMALL,
    "nas search name=tiny constraints.num_params.max=20000": SMALL,
    "nas report run=runs/tiny": (),
    "nas repair run=runs/tiny": (),
    "nas compare 'runs=[runs/tiny]'": (),
    "nas spaces show mobilenet": (),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "my_conf/search_space").mkdir(parents=True)
    shutil.copy(
        ROOT / "conf/search_space/mobilenet.yaml", tmp_path / "my_conf/search_space/mine.yaml"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


@pytest.mark.slow  # 80 lines of a quarter of a second; the like is tested for each setting
@pytest.mark.parametrize("line", LINES, ids=lambda line: line.id)
def test_each_documented_line_has_no_fault_but_for_what_it_names(line, folder):
    faults = []
    try:
        check_line(line.words)
    except NasError as error:
        faults = str(error).splitlines()

    assert not [f for f in faults if f.strip() and not MISSING.search(f) and not HEADING.search(f)]


def test_lines_are_found_in_blocks_and_in_sentences():
    pages = {line.page for line in LINES}

    assert len(LINES) > 70
    assert {"README.md", "docs/finish.md", "docs/spaces.md", "docs/cluster/README.md"} <= pages


@pytest.mark.slow
def test_the_lines_that_are_run_end_well(folder):
    statuses = {text: main([*_words(text), *more]) for text, more in RUN.items()}

    assert set(statuses.values()) == {0}


def _words(text):
    return [word.strip("'") for word in text.split()[1:]]
