"""A Ray that a search starts itself is out of reach of other machines and of other users."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from parts.proc import descendants, listening

from nas.execution.ray_cluster import RaySettings, connect

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's /proc"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

STRANGER = """
import sys
from ray._raylet import GcsClient
print("came in", GcsClient(address=sys.argv[1]).cluster_id)
"""


@pytest.fixture
def local_ray():
    """A local Ray with a worker."""
    import ray

    local = connect(RaySettings())
    assert local is not None
    try:
        ray.get(ray.remote(lambda: "a worker is up").remote())
        yield local
    finally:
        local.close()


@pytest.mark.slow
def test_all_processes_of_a_local_ray_listen_on_loopback_alone(local_ray):
    where = listening(descendants(os.getpid()))

    assert set(where) <= {"127.0.0.1", "::1"}, where
    assert len(set().union(*where.values())) >= 4  # this one, gcs_server, raylet, a worker


def test_a_socket_that_is_open_to_all_would_be_seen():
    with socket.socket() as open_to_all:
        open_to_all.bind(("0.0.0.0", 0))
        open_to_all.listen()

        assert os.getpid() in listening([os.getpid()])["0.0.0.0"]


@pytest.mark.slow
def test_a_local_ray_lets_no_one_in_who_lacks_its_token(local_ray, tmp_path):
    import ray

    address = ray.get_runtime_context().gcs_address
    environment = {**os.environ, "HOME": str(tmp_path), "RAY_AUTH_MODE": "disabled"}
    stranger = subprocess.run(
        [sys.executable, "-c", STRANGER, address],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert "Unauthenticated" in stranger.stderr
    assert "came in" not in stranger.stdout
