"""A disk that is full or read-only ends each command with one message."""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest
from parts.processes import no_file_beyond

# Whole commands; what each does is proven in its room, too.
pytestmark = pytest.mark.slow

COMMANDS = {
    "search": ["search", "name=new", "ui=none", "execution=inline"],
    "resume": ["search", "name=t", "resume=true", "stopping.num_trials=7", "ui=none"],
    "report": ["report", "run=runs/t"],
    "repair": ["repair", "run=runs/t"],
    "compare": ["compare", "runs=[runs/t]", "out=runs/compared"],
    "spaces": ["spaces", "copy", "mobilenet", "runs/copied"],
}


def words_of(command, table_words):
    extra = {"search": table_words}.get(command, [])
    return [COMMANDS[command][0], *extra, *COMMANDS[command][1:]]


def damage(run):
    """Leave a blank line in the journal: repair has something to do."""
    journal = run / "study.journal"
    journal.write_bytes(journal.read_bytes().replace(b"\n", b"\n\n", 1))


@contextmanager
def mounted(*words):
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root may mount")
    if subprocess.run(["mount", *words], capture_output=True, check=False).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        yield
    finally:
        subprocess.run(["umount", words[-1]], check=False)


@pytest.mark.parametrize("command", ["search", "report", "repair", "compare", "spaces"])
def test_a_full_disk_is_told_in_one_message(nas, table_words, table_run, command):
    {"repair": damage}.get(command, lambda run: None)(table_run)

    with no_file_beyond(100):
        status, _, err = nas(*words_of(command, table_words))

    assert status == 2, err
    assert "Traceback" not in err
    assert err.count("nas: ") == 1
    assert "free the disk" in err


@pytest.mark.parametrize("command", ["search", "resume", "report", "repair", "compare", "spaces"])
def test_a_read_only_disk_is_told_in_one_message(nas, table_words, table_run, command):
    {"repair": damage}.get(command, lambda run: None)(table_run)
    runs = str(table_run.parent)

    with mounted("--bind", runs, runs), mounted("-o", "remount,ro,bind", runs):
        status, _, err = nas(*words_of(command, table_words))

    assert status == 2, err
    assert "Traceback" not in err
    assert err.count("nas: ") == 1
    assert "writable" in err


def test_a_small_disk_that_fills_while_a_search_runs_is_told(nas, table_words, launch_folder):
    disk = launch_folder / "small"
    disk.mkdir()

    with mounted("-t", "tmpfs", "-o", "size=1m", "small", str(disk)):
        status, _, err = nas("search", *table_words, f"run_folder={disk}/run", "ui=none",
                             "execution=inline")  # fmt: skip
        num_lines = (disk / "run/study.journal").read_bytes().count(b"\n")

    assert status == 2  # the page alone takes more
    assert "Traceback" not in err
    assert "free the disk" in err
    assert num_lines > 5


def test_output_that_cannot_be_written_is_told(launch_folder):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "nas", "spaces", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 2
    assert done.stderr.startswith("nas: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["trials.csv", "front.csv", "report.html", "log.txt", ".lease"])
def test_a_folder_in_the_place_of_a_file_is_named_and_repair_moves_it(nas, table_run, name):
    (table_run / name).unlink()
    (table_run / name).mkdir()
    (table_run / name / "mine.txt").write_text("mine")

    status, _, err = nas(*COMMANDS["resume"])
    repaired, out, _ = nas("repair", "run=runs/t")
    after, _, _ = nas(*COMMANDS["resume"])

    assert status == 2
    assert name in err
    assert (repaired, after) == (0, 0)
    assert f"{name}.damaged" in out
    assert (table_run / f"{name}.damaged/mine.txt").read_text() == "mine"


def test_repair_is_refused_while_a_search_holds_the_run(nas, table_run):
    from nas.record.lease import Lease

    damage(table_run)
    before = (table_run / "study.journal").read_bytes()
    lease = Lease(table_run / ".lease")
    try:
        status, _, err = nas("repair", "run=runs/t")
    finally:
        lease.release()

    assert status == 2
    assert "another search writes" in err
    assert (table_run / "study.journal").read_bytes() == before
