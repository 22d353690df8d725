"""A cluster that asks for a token runs trials for who has it, and refuses the others by name."""

import os
import subprocess
import sys
import tempfile

import pytest
from parts.processes import TESTS

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

DRIVER = """
import sys
import ray
from nas.errors import NasError
from nas.execution.ray_cluster import RaySettings, connect

try:
    connect(RaySettings(address=sys.argv[1]))
except NasError as error:
    sys.exit(str(error))

class Trial:
    def run(self): return "a trial ran"

print(ray.get(ray.remote(Trial).remote().run.remote(), timeout=60))
"""


def _environment(home, **variables):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return {**kept, "PYTHONPATH": str(TESTS.parent), "HOME": home, **variables}


@pytest.fixture(scope="module")
def home():
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="k") as folder:
        yield folder


@pytest.fixture(scope="module")
def address(home):
    """The address of a head that asks for the token 'right'."""
    port = 26399
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"]
    command += [f"--port={port}", "--num-cpus=1", "--include-dashboard=false"]
    command += ["--node-ip-address=127.0.0.1", f"--temp-dir={home}/r", "--disable-usage-stats"]
    environment = _environment(home, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="right" * 8)
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as head:
        said = iter(head.stdout)
        assert any("Ray runtime started" in line for line in said)
        yield f"127.0.0.1:{port}"
        head.terminate()
        head.communicate(timeout=60)


def _drive(address, home, **variables):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DRIVER, address],
        env=_environment(home, **variables),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_who_has_the_token_runs_trials(address, home):
    ended = _drive(address, home, RAY_AUTH_TOKEN="right" * 8)

    assert (ended.returncode, ended.stdout) == (0, "a trial ran\n"), ended.stderr


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "this machine has none"),
        ({"RAY_AUTH_MODE": "token"}, "this machine has none"),
        ({"RAY_AUTH_TOKEN": "wrong" * 8}, "it wants another token than"),
        ({"RAY_AUTH_TOKEN": "right" * 8, "RAY_AUTH_MODE": "disabled"}, "unset RAY_AUTH_MODE"),
        ({"RAY_AUTH_TOKEN_PATH": "/no/such/file"}, "is no readable file with a token"),
    ],
    ids=["none", "none, asked for", "wrong", "not shown", "no file"],
)
def test_who_lacks_it_is_refused_in_one_message(address, home, variables, told):
    ended = _drive(address, home, **variables)

    assert ended.returncode == 1
    assert told in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
