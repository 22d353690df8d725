"""The head node is lost, with the driver and the disk on it: the database alone resumes."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from parts.postgres import Server, find_programs
from parts.processes import lines, start_driver, wait_until

from nas.study.database import load_from_database, opened
from nas.study.journal import load_records
from nas.trial import TrialState

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/elsewhere.db"


@pytest.fixture
def postgres_url():
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs are not installed: apt install postgresql")
    with tempfile.TemporaryDirectory(prefix="nas-postgres-") as folder:
        server = Server(Path(folder), programs)
        yield server.url
        server.stop()


@pytest.mark.parametrize(
    "database", [pytest.param("sqlite_url", marks=pytest.mark.long), "postgres_url"]
)
def test_a_search_whose_head_node_was_lost_goes_on_from_the_database_alone(
    tmp_path, monkeypatch, request, database
):
    from ray.cluster_utils import Cluster

    url = request.getfixturevalue(database)
    here, there = tmp_path / "head" / "run", tmp_path / "other" / "run"
    script = ["--backend", "ray", "--seconds", 0.2, "--storage-url", url]

    first = new_cluster(Cluster)
    monkeypatch.setenv("RAY_ADDRESS", first.address)
    here.parent.mkdir()
    driver = start_driver(here, *script)
    wait_until(lambda: num_recorded(url) >= 12)
    os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()
    first.remove_node(first.head_node, allow_graceful=False)
    safe = load(url).records
    shutil.rmtree(here.parent)
    first.shutdown()

    second = new_cluster(Cluster)
    monkeypatch.setenv("RAY_ADDRESS", second.address)
    there.parent.mkdir()
    try:
        driver = start_driver(there, *script, "--num-trials", 40)
        assert driver.wait(timeout=150) == 0, lines(there.with_suffix(".output"))[-20:]
    finally:
        second.shutdown()

    records = load_records(there / "study.journal")
    assert [r.number for r in records] == list(range(40))
    assert all(r.state is TrialState.COMPLETE for r in records)
    assert len({r.architecture.id for r in records}) == 40
    done = [r for r in safe if r.state is TrialState.COMPLETE]
    assert len(done) >= 12
    assert [records[r.number] for r in done] == done
    assert load(url).records == records


def new_cluster(cluster_type):
    cluster = cluster_type(initialize_head=True, head_node_args={"num_cpus": 0})
    cluster.add_node(num_cpus=2)
    return cluster


def load(url):
    with opened(url) as storage:
        return load_from_database(storage, "run")


def num_recorded(url):
    history = load(url)
    return 0 if history is None else sum(r.state is TrialState.COMPLETE for r in history.records)
