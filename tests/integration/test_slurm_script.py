"""The job script for Slurm, with stand-ins for Slurm's commands that act on this machine alone."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from parts.proc import with_in_environment
from parts.processes import wait_until

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docs" / "cluster" / "slurm.sh"
BIN = Path(sys.executable).parent
# Slurm's own: lists the nodes of the job; runs a command on the nodes that it is told.
SCONTROL = "#!/bin/bash\nprintf 'one\\ntwo\\n'\n"
SRUN = """#!/bin/bash
while [[ $1 == -* ]]; do if [[ $1 == -w ]]; then shift; fi; shift; done
echo "$*" >> "$SRUN_LOG"
if [[ $1 == hostname ]]; then echo 127.0.0.1; else exec "$@"; fi
"""
RAY = f"""#!/bin/bash
exec {BIN}/ray "$@"
"""
NAS = f"""#!/bin/bash
exec {sys.executable} -m nas "$@"
"""


def end_all_of(job):
    """End what the job left, as Slurm does."""

    def left():
        for pid in with_in_environment(f"SRUN_LOG={job}/srun.log"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return with_in_environment(f"SRUN_LOG={job}/srun.log")

    wait_until(lambda: not left(), timeout_s=30)


@pytest.fixture
def job():
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="s") as folder:  # sockets need short paths
        place = Path(folder)
        (place / "bin").mkdir()
        for name, text in {"scontrol": SCONTROL, "srun": SRUN, "ray": RAY, "nas": NAS}.items():
            (place / "bin" / name).write_text(text)
            (place / "bin" / name).chmod(0o755)
        yield place


def test_the_script_is_bash_without_faults_of_syntax():
    subprocess.run(["bash", "-n", SCRIPT], check=True)


@pytest.mark.long
@pytest.mark.ray
def test_the_script_starts_ray_on_all_nodes_searches_and_ends_with_the_searchs_status(job):
    words = ["preset=smoke", "sampler=random", "stopping.num_trials=2", f"run_folder={job}/run"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment = kept | {
        "PATH": f"{job}/bin:{BIN}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT),
        "HOME": str(job), "RAY_TMPDIR": str(job), "SRUN_LOG": str(job / "srun.log"),
        "SLURM_JOB_NODELIST": "one,two", "SLURM_JOB_ID": str(os.getpid()),
        "RAY_USAGE_STATS_ENABLED": "0",
    }  # fmt: skip
    with (job / "out.txt").open("wb") as out:
        process = subprocess.Popen(
            ["bash", SCRIPT, *words], env=environment, cwd=job, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
        try:
            status = process.wait(timeout=240)
        finally:
            end_all_of(job)

    told = (job / "out.txt").read_text()
    assert status == 0, told
    started = (job / "srun.log").read_text()
    assert started.count("ray start --head") == 1
    assert started.count("ray start --address=127.0.0.1:") == 1
    assert (job / "run/front.csv").is_file()
    assert "warning: the cluster" not in told  # it asks for a token
