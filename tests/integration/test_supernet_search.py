"""A whole search from a supernet whose training is killed: it goes on, and is trained once."""

import csv
import os
import signal
import subprocess
import sys

import pytest
from parts.processes import TESTS, wait_until

pytestmark = pytest.mark.slow

SPACE = (
    "search_space.parameters.resolution.choice=[8]",
    "search_space.parameters.width.choice=[0.125,0.25]",
    "search_space.parameters.stages.repeat.int=[1,2]",
    "search_space.parameters.stages.depth.int=[1,2]",
)
WORDS = (
    *("name=s", "evaluation=supernet", "fidelity=rungs", "execution=inline", "ui=plain"),
    *("training.epochs=1", "evaluation.checkpoint_every_s=0.2", *SPACE),
)


def start(folder, *words):
    environment = {**os.environ, "PYTHONPATH": str(TESTS.parent), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "nas", "search", *WORDS, *words]
    with (folder / "output").open("ab") as output:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)


def trials(run):
    with (run / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_search_whose_supernet_was_killed_goes_on_with_it(tmp_path, number):
    run = tmp_path / "runs" / "s"
    first = start(tmp_path, "stopping.num_trials=4")
    wait_until((run / "supernet" / "training.pt").is_file)
    first.send_signal(number)
    first.wait(60)
    assert not (run / "supernet" / "supernet.json").exists()

    assert start(tmp_path, "stopping.num_trials=4", "resume=true").wait(300) == 0
    assert "goes on at step" in (run / "log.txt").read_text()
    assert not (run / "supernet" / "training.pt").exists()
    assert [row["training_share"] for row in trials(run) if row["state"] == "complete"]
    assert all(row["at_0.05.accuracy"] for row in trials(run))

    written = (run / "supernet" / "weights.safetensors").stat().st_mtime_ns
    assert start(tmp_path, "stopping.num_trials=5", "resume=true").wait(300) == 0
    assert len(trials(run)) == 5
    assert (run / "supernet" / "weights.safetensors").stat().st_mtime_ns == written
