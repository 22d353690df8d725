"""After a driver was killed outright, nothing of its Ray is left: no process, no folder."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from parts.proc import with_in_environment
from parts.processes import TESTS, wait_until

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc").exists(), reason="reads Linux's /proc"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

# Two workers: one sleeps, one computes without end and has a child in a session of its own.
DRIVER = """
import subprocess, time
import ray
from nas.execution.ray_cluster import RaySettings, connect

local = connect(RaySettings())

@ray.remote(num_cpus=0)
class Trial:
    def ready(self): return True
    def sleep(self): time.sleep(1000)
    def compute(self):
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
        while True: sum(range(10**8))

trials = [Trial.remote(), Trial.remote()]
ray.get([trial.ready.remote() for trial in trials])
trials[0].sleep.remote(), trials[1].compute.remote()
time.sleep(1)
print("up", flush=True)
time.sleep(1000)
"""


@pytest.fixture
def short():
    """A folder with a path that is short enough for sockets, as pytest's own is not."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="o") as folder:
        yield Path(folder)


@pytest.fixture
def driver(short):
    environment = {
        **os.environ,
        "PYTHONPATH": str(TESTS.parent),
        "TEST_OF_ORPHANS": str(os.getpid()),
        "RAY_TMPDIR": str(short),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER], env=environment, stdout=subprocess.PIPE
    )
    yield process
    process.kill()
    process.communicate()


def test_nothing_of_a_killed_drivers_ray_is_left_after_ten_seconds(driver, short):
    assert driver.stdout.readline() == b"up\n"
    family = with_in_environment(f"TEST_OF_ORPHANS={os.getpid()}")
    assert len(family) >= 7  # driver, watcher, gcs_server, raylet, two workers, the sleeper

    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()

    wait_until(lambda: not with_in_environment(f"TEST_OF_ORPHANS={os.getpid()}"), timeout_s=10)
    assert not list(short.iterdir())


ENDING = """
import os, sys, time
from nas.execution.ray_cluster import RaySettings, connect

local = connect(RaySettings())
forked = os.fork()  # holds Ray's open logs, as a data loader's worker would
if forked == 0:
    time.sleep(60)
    os._exit(0)
local.close()
time.sleep(1)
print("the fork lives" if os.waitpid(forked, os.WNOHANG) == (0, 0) else "the fork is dead")
os.kill(forked, 9)
"""


def test_a_driver_and_what_it_forked_outlive_its_ray(short):
    environment = {**os.environ, "PYTHONPATH": str(TESTS.parent), "RAY_TMPDIR": str(short)}
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ENDING],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (0, "the fork lives\n"), ended.stderr
    assert not list(short.iterdir())
