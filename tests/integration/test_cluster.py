"""Jobs and the user's own code on a real Ray."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from parts.engine import search, small_task
from parts.processes import TESTS, wait_until

from nas.execution.ray_backend import RayBackend
from nas.execution.ray_cluster import RaySettings
from nas.trial import TrialState

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

USERS_SPACE = """
import sys

from nas.trial import TrialResult, TrialState


class Evaluator:
    def static_costs(self, architecture):
        return {"size_bytes": float(architecture["width"])}

    def prepare(self):
        pass

    def evaluate(self, spec):
        home = sys.modules[__name__].__file__
        metrics = {"accuracy": spec.architecture["width"] / 100, **spec.static_costs}
        return TrialResult(
            spec.number, spec.attempt, TrialState.COMPLETE, metrics, worker=home
        )
"""

USERS_SEARCH = """
import sys
from pathlib import Path

import my_space
from parts.engine import OBJECTIVES, RecordingView, nsga2_sampler, search, small_task
from nas.execution.ray_backend import RayBackend
from nas.execution.ray_cluster import RaySettings, connect
from nas.space.space import SearchSpace

homes = set()


class Noting(RayBackend):
    def next_finished(self, **options):
        results = super().next_finished(**options)
        homes.update(result.worker for result in results)
        return results


folder, address = Path(sys.argv[1]), sys.argv[2]
task = small_task(
    10,
    space=SearchSpace({"width": {"int": [1, 50]}}),
    evaluator=my_space.Evaluator(),
)
settings = RaySettings(address=None if address == "none" else address)
if address != "none":
    # On another machine the file would not be there either, once it has been packed.
    connect(settings)
    Path("my_space.py").unlink()
search(task, folder, make_backend=lambda e: Noting(e, settings))
(folder / "homes.txt").write_text("\\n".join(sorted(homes)))
"""


@pytest.fixture
def launch(tmp_path):
    """A user's folder with a module of its own, and weights that must not travel."""
    folder = tmp_path / "launch"
    folder.mkdir()
    (folder / "my_space.py").write_text(USERS_SPACE)
    (folder / "my_search.py").write_text(USERS_SEARCH)
    return folder


def test_the_users_code_reaches_the_workers_of_a_cluster(launch, tmp_path):
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    environment = {**os.environ, "PYTHONPATH": f"{TESTS}:{TESTS.parent}"}
    command = [sys.executable, "my_search.py", str(tmp_path / "run"), cluster.address]
    try:
        subprocess.run(command, cwd=launch, env=environment, check=True, timeout=200)
    finally:
        ray.shutdown()
        cluster.shutdown()

    homes = (tmp_path / "run" / "homes.txt").read_text().splitlines()
    assert homes
    assert all("runtime_resources" in home for home in homes), homes


def test_a_search_runs_as_a_submitted_job(launch, tmp_path):
    import ray
    from ray.cluster_utils import Cluster
    from ray.job_submission import JobStatus, JobSubmissionClient

    port = free_port()
    head = {"num_cpus": 2, "include_dashboard": True, "dashboard_port": port}
    head["dashboard_agent_listen_port"] = free_port()  # the fixed one may be another Ray's
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        client = JobSubmissionClient(f"http://127.0.0.1:{port}")
        job = submit(
            client,
            entrypoint=f"{sys.executable} my_search.py {tmp_path / 'run'} none",
            runtime_env={
                "working_dir": str(launch),
                "env_vars": {"PYTHONPATH": f"{TESTS}:{TESTS.parent}"},
            },
        )

        ended = {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.STOPPED}
        wait_until(lambda: client.get_job_status(job) in ended, timeout_s=240)
        assert client.get_job_status(job) is JobStatus.SUCCEEDED, client.get_job_logs(job)
    finally:
        ray.shutdown()
        cluster.shutdown()

    homes = (tmp_path / "run" / "homes.txt").read_text().splitlines()
    assert homes
    assert not any(Path(home).is_relative_to(launch) for home in homes)


@pytest.mark.parametrize("way", [pytest.param("auto", marks=pytest.mark.long), "client"])
def test_a_cluster_is_joined_from_its_own_machine_and_through_rays_client(
    tmp_path, monkeypatch, way
):
    import ray
    from ray.cluster_utils import Cluster

    port = free_port()
    head = {"num_cpus": 2, "ray_client_server_port": port}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)  # others may run on this machine
    address = "auto" if way == "auto" else f"ray://127.0.0.1:{port}"
    try:
        wait_until(lambda: way == "auto" or listens(port), timeout_s=180)
        settings = RaySettings(address=address)
        summary = search(
            small_task(30), tmp_path / "run", make_backend=lambda e: RayBackend(e, settings)
        )
    finally:
        ray.shutdown()
        cluster.shutdown()

    assert [r.state for r in summary.records] == [TrialState.COMPLETE] * 30


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def submit(client, **job):
    """Submit, once the node's agent is up."""
    jobs = []

    def is_taken():
        with contextlib.suppress(RuntimeError):
            jobs.append(client.submit_job(**job))
        return jobs

    wait_until(is_taken, timeout_s=150)
    return jobs[0]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
