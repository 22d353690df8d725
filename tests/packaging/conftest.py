"""An environment that has the wheel instead of the checkout, made once for all tests here."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def installed(tmp_path_factory) -> Path:
    """Return the `bin` folder of an environment where only the wheel of nas is installed.

    The dependencies are borrowed from the environment that runs the tests: a link file lets the
    new one see them, behind its own packages.
    """
    place = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(place), str(CHECKOUT)]
    subprocess.run(build, check=True)
    wheel = next(place.glob("nas-*.whl"))
    venv.create(place / "env", with_pip=False)
    python = place / "env" / "bin" / "python"
    install = [*pip, "--python", str(python), "install", "--no-deps", str(wheel)]
    subprocess.run(install, check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = place / "env" / "lib" / version / "site-packages"
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


@pytest.fixture
def run_nas(installed, tmp_path):
    """Return a function that runs the installed `nas` in `tmp_path` to its end."""

    def run(*arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": "", "OMP_NUM_THREADS": "1"}
        return subprocess.run(
            [str(installed / "nas"), *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    return run
