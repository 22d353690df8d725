"""Faults on a real Ray of several nodes (raylets) on this machine."""

import os
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from parts.engine import ClosedForm, RecordingView, complete, ids, note, search, small_task
from parts.processes import lines, start_driver, wait_until

from nas.engine.stopping import Stopping
from nas.execution.ray_backend import RayBackend
from nas.execution.ray_cluster import RaySettings
from nas.trial import FailureKind, TrialState

pytestmark = [pytest.mark.ray, pytest.mark.slow]

# Ray's own processes and sockets are not ours to close.
pytestmark.append(pytest.mark.filterwarnings("ignore::ResourceWarning"))
pytestmark.append(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))


@pytest.fixture(scope="module")
def cluster():
    """A head without CPUs: what it would run could not be taken away."""
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture
def nodes(cluster):
    """Adds nodes, and removes them after the test."""
    import ray

    added = []

    def add(**resources):
        node = cluster.add_node(**{"num_cpus": 2, **resources})
        added.append(node)
        return node

    yield add
    ray.shutdown()
    for node in added:
        if node in cluster.list_all_nodes():
            cluster.remove_node(node)


def on(cluster, **settings):
    """Return a maker of backends on the cluster."""
    return lambda evaluator: RayBackend(
        evaluator, RaySettings(address=cluster.address, **settings)
    )


@dataclass
class Noting(ClosedForm):
    """Notes trial, attempt, process and node at the start of an evaluation."""

    def evaluate(self, spec):
        import ray

        node = ray.get_runtime_context().get_node_id()
        note(self.log, f"{spec.number} {spec.attempt} {os.getpid()} {node}")
        time.sleep(self.seconds)
        return complete(spec)


def started(log):
    return [line.split() for line in lines(log)]


def search_in_thread(task, folder, **options):
    """Start a search; return a function that waits for its summary."""
    out = {}

    def run():
        try:
            out["summary"] = search(task, folder, **options)
        except BaseException as error:  # noqa: BLE001 - raised again in the test
            out["error"] = error

    thread = threading.Thread(target=run)
    thread.start()

    def result():
        thread.join(timeout=120)
        assert not thread.is_alive(), "the search did not end"
        if "error" in out:
            raise out["error"]
        return out["summary"]

    return result


def assert_whole(summary, num_trials):
    assert [r.number for r in summary.records] == list(range(num_trials))
    assert all(r.state is TrialState.COMPLETE for r in summary.records)
    assert len(set(ids(summary.records))) == num_trials


def test_a_killed_worker_is_replaced_and_its_trial_is_done_again(cluster, nodes, tmp_path):
    nodes()
    log = tmp_path / "log"
    task = small_task(12, evaluator=Noting(0.5, log))
    result = search_in_thread(task, tmp_path / "run", make_backend=on(cluster))
    wait_until(lambda: len(started(log)) >= 3)

    number, _, pid, _ = started(log)[-1]
    os.kill(int(pid), signal.SIGKILL)

    summary = result()
    assert_whole(summary, 12)
    attempts = [entry[1] for entry in started(log) if entry[0] == number]
    assert attempts == ["0", "1"]


def test_a_removed_node_gives_its_trials_back_and_a_new_node_is_used_at_once(
    cluster, nodes, tmp_path
):
    first, log = nodes(), tmp_path / "log"
    nodes()
    view = RecordingView()
    task = small_task(90, evaluator=Noting(1.0, log))
    result = search_in_thread(task, tmp_path / "run", make_backend=on(cluster), view=view)
    wait_until(lambda: len({entry[3] for entry in started(log)}) == 2)

    cluster.remove_node(first)
    wait_until(lambda: view.progress[-1].num_slots == 2)
    nodes()
    before = time.monotonic()
    wait_until(lambda: view.progress[-1].num_slots == 4)
    waited_s = time.monotonic() - before

    assert_whole(result(), 90)
    assert len({entry[3] for entry in started(log)}) == 3
    assert waited_s < 20.0  # looked for each second; a slow machine starts workers later


@dataclass
class Faulty(ClosedForm):
    """Raises, returns NaN, hangs or dies, by the kind of the architecture."""

    def evaluate(self, spec):
        note(self.log, f"{spec.number} {spec.attempt} {os.getpid()} -")
        depth, kind = spec.architecture["depth"], spec.architecture["kind"]
        if depth == 1:
            raise ValueError("no such thing")
        if depth == 2 and kind == "a":
            time.sleep(600)
        if depth == 2 and kind == "b":
            os._exit(1)
        return complete(spec)


def test_raising_hanging_and_dying_trials_fail_with_their_cause_and_the_search_goes_on(
    cluster, nodes, tmp_path, monkeypatch
):
    monkeypatch.setattr("nas.execution.ray_backend.GRACE_S", 0.5)
    nodes(num_cpus=4)
    task = small_task(
        evaluator=Faulty(log=tmp_path / "log"),
        stopping=Stopping(num_trials=96, max_failed_share=1.0),
        trial_time_limit_s=3.0,
    )

    summary = search(task, tmp_path / "run", make_backend=on(cluster))

    kinds = {(r.architecture["depth"], r.architecture["kind"]): r.failure for r in summary.records}
    assert len(summary.records) == 96
    assert kinds[1, "a"].kind is FailureKind.ERROR
    assert 'raise ValueError("no such thing")' in kinds[1, "a"].traceback
    assert kinds[2, "a"].kind is FailureKind.TIMEOUT
    assert "past its time limit of 3 s" in kinds[2, "a"].message
    assert kinds[2, "b"].kind is FailureKind.ERROR
    assert "died in all of 3 attempts" in kinds[2, "b"].message
    assert kinds[3, "a"] is None


@dataclass
class Checkpointing(ClosedForm):
    """Ten steps, each noted in the checkpoint and in the log."""

    def evaluate(self, spec):
        place = Path(spec.checkpoint) / "step"
        place.parent.mkdir(parents=True, exist_ok=True)
        done = int(place.read_text()) if place.exists() else 0
        for step in range(done, 10):
            note(self.log, f"{spec.number} {step} {os.getpid()} -")
            time.sleep(0.05)
            place.write_text(str(step + 1))
        return complete(spec)


def test_a_trial_that_lost_its_worker_goes_on_from_its_checkpoint(cluster, nodes, tmp_path):
    nodes()
    log = tmp_path / "log"
    task = small_task(6, evaluator=Checkpointing(log=log))
    result = search_in_thread(task, tmp_path / "run", make_backend=on(cluster))
    wait_until(lambda: any(step == "5" for _, step, *_ in started(log)))

    number, _, pid, _ = next(entry for entry in reversed(started(log)) if entry[1] == "5")
    os.kill(int(pid), signal.SIGKILL)

    assert_whole(result(), 6)
    steps = [int(entry[1]) for entry in started(log) if entry[0] == number]
    assert len(steps) <= 11  # at most the step that was cut is done twice
    assert sorted(set(steps)) == list(range(10))
    assert not list((tmp_path / "run" / "checkpoints").glob("*"))


@dataclass
class WithData(ClosedForm):
    """Carries 100 MB, and notes how a worker came by them."""

    images: np.ndarray | None = None

    def evaluate(self, spec):
        note(self.log, f"{os.getpid()} {self.images.flags.writeable} {self.images.nbytes}")
        time.sleep(0.5)
        return complete(spec)


def test_the_data_lie_once_on_each_node_and_are_not_copied(cluster, nodes, tmp_path):
    import ray

    nodes(num_cpus=4, object_store_memory=400 * 2**20)
    log = tmp_path / "log"
    images = np.ones((100, 2**20), np.uint8)
    task = small_task(60, evaluator=WithData(log=log, images=images))

    used = []

    def look(record):
        total, free = ray.cluster_resources(), ray.available_resources()
        used.append(total["object_store_memory"] - free["object_store_memory"])

    search(task, tmp_path / "run", make_backend=on(cluster), view=RecordingView(on_finished=look))

    entries = started(log)
    assert {entry[1] for entry in entries} == {"False"}  # mapped from the store, not copied
    assert {entry[2] for entry in entries} == {str(100 * 2**20)}
    assert len({entry[0] for entry in entries}) >= 2
    assert max(used) < 2.5 * images.nbytes  # the driver's node and the workers' one


@pytest.mark.long
def test_uneven_nodes_and_custom_resources_are_used_fully(cluster, nodes, tmp_path):
    nodes(num_cpus=3, resources={"board": 1})
    nodes(num_cpus=5, resources={"board": 2})
    log = tmp_path / "log"
    task = small_task(90, evaluator=Noting(0.5, log))
    view = RecordingView()

    settings = {"cpus_per_trial": 2, "resources": {"board": 0.5}}
    search(task, tmp_path / "run", make_backend=on(cluster, **settings), view=view)

    # 1 on three CPUs, 2 on five: CPUs that lie on different nodes do not add up.
    assert max(p.num_slots for p in view.progress) == 3
    assert len({entry[2] for entry in started(log)}) == 3


@dataclass
class SeeingGpus(ClosedForm):
    """Notes which GPU a worker may use, as its node names it."""

    def evaluate(self, spec):
        import ray

        node = ray.get_runtime_context().get_node_id()
        note(self.log, f"{node} {os.environ.get('CUDA_VISIBLE_DEVICES')} {os.getpid()}")
        time.sleep(self.seconds)
        return complete(spec)


def test_workers_share_the_gpus_of_uneven_nodes_by_fraction(cluster, nodes, tmp_path):
    nodes(num_cpus=8, num_gpus=2)  # logical ones: Ray counts what it is told
    nodes(num_cpus=3, num_gpus=1)
    nodes(num_cpus=2)
    log, view = tmp_path / "log", RecordingView()
    task = small_task(90, evaluator=SeeingGpus(0.5, log))

    settings = {"cpus_per_trial": 1, "gpus_per_trial": 0.5}
    search(task, tmp_path / "run", make_backend=on(cluster, **settings), view=view)

    workers = {(node, gpu, pid) for node, gpu, pid in started(log)}
    shared = Counter((node, gpu) for node, gpu, _ in workers)
    assert max(p.num_slots for p in view.progress) == 6
    assert set(shared.values()) == {2}  # two on each of the three GPUs, none without one
    assert sorted(gpu for _, gpu in shared) == ["0", "0", "1"]


def test_gpus_of_the_cluster_that_no_trial_asks_for_are_named(cluster, nodes, tmp_path, caplog):
    nodes(num_cpus=2, num_gpus=4)

    search(small_task(4), tmp_path / "run", make_backend=on(cluster))

    assert "have 4 GPUs and trials ask for none: execution.gpus_per_trial=1" in caplog.text


def test_two_searches_on_one_cluster_do_not_disturb_each_other(cluster, nodes, tmp_path):
    nodes(num_cpus=2)
    script = ["--num-trials", 20, "--backend", "ray", "--seconds", 0.05]

    os.environ["RAY_ADDRESS"] = cluster.address
    try:
        first = start_driver(tmp_path / "one", *script)
        second = start_driver(tmp_path / "two", *script)
    finally:
        del os.environ["RAY_ADDRESS"]

    assert first.wait(timeout=120) == 0, lines(tmp_path / "one.output")
    assert second.wait(timeout=120) == 0, lines(tmp_path / "two.output")
    assert len(lines(tmp_path / "one.evaluated")) == 20
    assert len(lines(tmp_path / "two.evaluated")) == 20
