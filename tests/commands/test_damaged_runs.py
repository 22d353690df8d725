"""Whatever happened to a run folder: one message or none, and nothing is lost by it."""

import contextlib
import io
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nas.cli.main import main

ROWS = "\n".join(
    ["a,b,quality,bytes"]
    + [
        f"{a},{b},{0.5 + a / 10 + b / 20},{100 * (1 + a) * (1 + b)}"
        for a in range(4)
        for b in range(4)
    ]
)
FILES = (
    "config.yaml",
    "overrides.yaml",
    "environment.json",
    "data.json",
    "spent.jsonl",
    "study.journal",
    "trials.csv",
    "front.csv",
    "front.png",
    "report.html",
    "log.txt",
    ".lease",
    "models",
    "checkpoints",
    "finish",
    "finish/winners.csv",
    "finish/artefacts.csv",
    "finish/ledger.jsonl",
)
GARBAGE = (
    b"",
    b"\0" * 40,
    b"\xff\xfe\x00binary",
    b"[" * 100_000,
    b"null",
    b"7",
    b"{}",
    b'{"op_code":99,"worker_id":"x"}',
    b'{"op_code":6,"worker_id":"x","trial_id":999,"state":1,"values":[1,2]}',
    b'{"op_code":0,"worker_id":"x","study_name":5,"directions":"up"}',
    b'{"op_code":0,"worker_id":"x","study_name":"other","directions":[1]}',
    b"a: [b",
    b"{resumes: 3, objectives: {metrics: 5}, overrides: 7}",
    b"x" * 1_000_000,
)
MINE = ("mine.txt", "models/notes.txt", "models/old/keep.bin", "models/77/keep.bin")
COMMANDS = (
    ("report", "run=runs/t"),
    ("search", "name=t", "resume=true", "ui=none", "execution=inline", "stopping.num_trials=6"),
    ("compare", "runs=[runs/t,runs/whole]", "out=compared"),
    ("profile", "run=runs/t", "ui=none"),
    ("finish", "run=runs/t", "execution=inline"),
    ("repair", "run=runs/t"),
)


def call(*words: str) -> tuple[int, str]:
    """Run a command in this process; return its status and what it wrote to stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(words)
    return status, err.getvalue()


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A folder with a whole run of five trials and its table; the working folder is in it."""
    place, before = tmp_path_factory.mktemp("damaged"), Path.cwd()
    path = list(sys.path)
    os.chdir(place)
    (place / "t.csv").write_text(ROWS + "\n")
    status, err = call(
        "search", "preset=table", f"table.path={place}/t.csv", "table.parameters=[a,b]",
        "table.quality=quality", "table.size=bytes", "sampler=random", "stopping.num_trials=5",
        "name=t", "ui=none", "execution=inline",
    )  # fmt: skip
    assert (status, err) == (0, "")
    run = place / "runs/t"
    (run / "report.html").write_text("")  # megabytes that each copy would cost
    for name in MINE:
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text("mine")
    shutil.copytree(run, place / "runs/whole")
    run.rename(place / "original")
    yield place
    os.chdir(before)
    sys.path[:] = path


@pytest.fixture
def run(places):
    """A fresh copy of the run."""
    return fresh(places)


def fresh(places: Path) -> Path:
    run = places / "runs/t"
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(places / "original", run)
    return run


def ended_trials(path: Path) -> set[tuple]:
    """Return each trial that has a beginning and an end in whole lines: its number and values."""
    begun, ended = set(), set()
    for line in path.read_bytes().split(b"\n") if path.is_file() else ():
        with contextlib.suppress(ValueError, TypeError, AttributeError, KeyError, RecursionError):
            entry = json.loads(line)
            kinds = {4: begun, 6: ended}
            values = tuple(entry["values"]) if entry["op_code"] == 6 else ()
            kinds[entry["op_code"]].add((entry["trial_id"], values))
    return {(n, values) for n, values in ended if (n, ()) in begun and 0 <= n < 5}


@st.composite
def line_damages(draw):
    """One thing that happens to the lines of a file."""
    kind = draw(st.sampled_from(["cut", "double", "swap", "overwrite", "drop", "glue", "replace"]))
    return kind, draw(st.integers(0, 40)), draw(st.integers(0, 40)), draw(st.sampled_from(GARBAGE))


file_damages = st.tuples(
    st.sampled_from(["missing", "folder", "pipe", "dangling", "garbage", "foreign", "empty"]),
    st.sampled_from(FILES),
    st.sampled_from(GARBAGE),
)


def damage_lines(path: Path, damage: tuple[str, int, int, bytes]) -> None:
    """Damage a file of lines."""
    kind, one, other, garbage = damage
    lines = path.read_bytes().split(b"\n")[:-1]
    lines = lines or [b""]
    one, other = one % len(lines), other % len(lines)
    middle = len(lines[one]) // 2
    swapped = {one: lines[other], other: lines[one]}
    changed = {
        "cut": [*lines[:one], lines[one][:middle]],
        "double": [*lines[: one + 1], *lines[one:]],
        "swap": [swapped.get(n, line) for n, line in enumerate(lines)],
        "overwrite": [*lines[:one], lines[one][:middle] + garbage[:99], *lines[one + 1 :]],
        "drop": [*lines[:one], *lines[one + 1 :]],
        "glue": [*lines[:one], b"\0" * 9 + lines[one], *lines[one + 1 :]],
        "replace": [*lines[:one], garbage, *lines[one + 1 :]],
    }
    path.write_bytes(b"\n".join(changed[kind]) + b"\n" * (kind != "cut"))


def damage_file(path: Path, kind: str, garbage: bytes, *, foreign: Path) -> None:
    """Put something else in the place of a file."""
    with contextlib.suppress(OSError):
        path.unlink()  # first: rmtree waits for the other end of a pipe
    with contextlib.suppress(OSError):
        shutil.rmtree(path)
    path.parent.mkdir(exist_ok=True)
    makers = {
        "missing": lambda: None,
        "folder": lambda: (path / "inside").mkdir(parents=True),
        "pipe": lambda: os.mkfifo(path),
        "dangling": lambda: path.symlink_to("/nowhere/at/all"),
        "garbage": lambda: path.write_bytes(garbage),
        "foreign": lambda: path.write_bytes(foreign.read_bytes()),
        "empty": lambda: path.touch(),
    }
    makers[kind]()


def check(places: Path, run: Path, words: tuple[str, ...]) -> None:
    """Run a command and see that nothing is lost by it."""
    journal = run / "study.journal"
    before = ended_trials(journal)
    mine = {name for name in MINE if (run / name).is_file()}
    num_here = sum(1 for _ in run.rglob("*.bin"))

    status, err = call(*words)

    assert status in (0, 2), (words, err)
    assert "Traceback" not in err, (words, err)
    assert err.count("nas: ") == (status == 2), (words, err)
    assert before <= ended_trials(journal), words
    assert mine == {name for name in MINE if (run / name).is_file()}, words
    assert sum(1 for _ in run.rglob("*.bin")) == num_here


def damaged_runs(places, of_lines, of_files, words):
    run = fresh(places)
    for damage in of_lines:
        damage_lines(run / "study.journal", damage)
    for kind, name, garbage in of_files:
        parents_stand = all(p.is_dir() for p in (run / name).parents if p != run.parent)
        damage_file(run / name if parents_stand else run / "log.txt", kind, garbage,
                    foreign=places / "t.csv")  # fmt: skip
    check(places, run, words)


quick = settings(
    max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
many = settings(quick, max_examples=500)
drawn = given(
    of_lines=st.lists(line_damages(), max_size=2),
    of_files=st.lists(file_damages, max_size=2),
    words=st.sampled_from(COMMANDS),
)


@quick
@drawn
def test_a_damaged_run_costs_one_message_and_nothing_else(places, of_lines, of_files, words):
    damaged_runs(places, of_lines, of_files, words)


@pytest.mark.long
@many
@drawn
def test_many_damaged_runs_cost_one_message_and_nothing_else(places, of_lines, of_files, words):
    damaged_runs(places, of_lines, of_files, words)
