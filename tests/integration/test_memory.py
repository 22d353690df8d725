"""A trial that takes all memory of its node is ended by Ray's monitor; its neighbours go on."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from parts.engine import ClosedForm, complete, search, small_task

from nas.execution.ray_backend import RayBackend
from nas.execution.ray_cluster import RaySettings
from nas.execution.ray_memory import is_to_blame, memory_of_killed
from nas.trial import FailureKind, TrialState

GREEDY, BLOCK_BYTES = 2, 128 << 20
# What the trial may take before the monitor finds the node full.
ROOM_BYTES = 2 << 30

MESSAGE = """2 worker(s) were killed due to the node running low on memory.
Considered workers: [
Selected to kill: (Actor(acc3): job ID=01000000, lease ID=0100, task name=Worker.__init__, \
required resources={CPU: 1}, pid=29373, actual memory used=0.06GB, worker ID=e673)
Selected to kill: (Actor(ddc0): job ID=01000000, lease ID=0000, task name=Worker.__init__, \
required resources={CPU: 1}, pid=29374, actual memory used=1.75GB, worker ID=1a97)
]
Top 10 memory users: PID\tMEM(GB)\tCOMMAND
29374\t1.75\tray::Worker.evaluate
12117\t0.66\tpython"""


@dataclass
class Greedy(ClosedForm):
    """One trial takes more and more memory."""

    def evaluate(self, spec):
        taken = []
        while spec.number == GREEDY and len(taken) < 100:
            taken.append(np.ones(BLOCK_BYTES, np.uint8))
            time.sleep(0.02)
        time.sleep(0.3)
        return complete(spec)


def test_the_worker_that_used_most_is_to_blame():
    assert memory_of_killed(MESSAGE) == {29373: 0.06, 29374: 1.75}
    assert is_to_blame(29374, MESSAGE)
    assert not is_to_blame(29373, MESSAGE)


def test_where_the_message_does_not_say_any_worker_may_be_to_blame():
    assert is_to_blame(29373, "the node was low on memory")
    assert is_to_blame(7, MESSAGE)


@pytest.mark.ray
@pytest.mark.long
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_trial_that_fills_the_memory_fails_with_the_cause_and_the_others_do_not(
    tmp_path, monkeypatch
):
    import ray
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_memory_usage_threshold", str(share_in_use() + share(ROOM_BYTES)))
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "50")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    settings = RaySettings(address=cluster.address)
    try:
        summary = search(
            small_task(12, evaluator=Greedy()),
            tmp_path / "run",
            make_backend=lambda e: RayBackend(e, settings),
        )
    finally:
        ray.shutdown()
        cluster.shutdown()

    failure = summary.records[GREEDY].failure
    assert failure is not None
    assert failure.kind is FailureKind.OUT_OF_MEMORY
    assert "the node ran out of memory and ended the trial, 2 times" in failure.message
    others = [r.state for r in summary.records if r.number != GREEDY]
    assert others == [TrialState.COMPLETE] * 11


def memory_kb():
    lines = Path("/proc/meminfo").read_text().splitlines()
    return {name: int(rest.split()[0]) for name, rest in (line.split(":") for line in lines)}


def share_in_use():
    memory = memory_kb()
    return 1.0 - memory["MemAvailable"] / memory["MemTotal"]


def share(num_bytes):
    return num_bytes / 1024 / memory_kb()["MemTotal"]
