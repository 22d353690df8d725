"""Every experiment has a small form that runs, and the pages name commands that exist."""

import atexit
import multiprocessing
import os
import re
import runpy
import sys
import tempfile
from multiprocessing import forkserver
from multiprocessing.context import BaseContext
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
EXPERIMENTS = REPOSITORY / "experiments"
# Seconds each; the rest takes longer, most of it for imports.
QUICK = (
    "experiments.cifar10.convert",
    "experiments.engine.growth",
    "experiments.search_quality.limit",
    "experiments.search_quality.warm_start",
)
ON_RAY = ("experiments.engine.chaos", "experiments.engine.throughput")
OF_LIBRARIES = (".", "pymp-", "torchinductor_")
LIMIT_S = 300
ENVIRONMENT = {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "RAY_TMPDIR": "/tmp"}


def _commands() -> list[str]:
    """Return the modules that are run: those that look whether they are.

    Scripts in `rivals` run in environments of their own, and are called by other commands.
    """
    files = (path for path in EXPERIMENTS.rglob("*.py") if path.parent.name != "rivals")
    found = (path for path in files if "__main__" in path.read_text())
    names = (".".join(path.relative_to(REPOSITORY).with_suffix("").parts) for path in found)
    return sorted(name.removesuffix(".__main__") for name in names)


def _results() -> dict[str, tuple[int, int]]:
    """Return every file below experiments/, its size and the time of its last change."""
    files = (path for path in EXPERIMENTS.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


@pytest.fixture(scope="module")
def forks():
    """Processes that have imported the libraries, which takes longer than most small forms."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["torch", "timm", "optuna", "nas.cli.main", "nas.api"])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.syspath_prepend(REPOSITORY)
        forkserver.ensure_running()
    return processes


def _run_small_form(command: str, folder: Path, processes: BaseContext) -> None:
    before = _results()
    told = folder.with_name(f"{folder.name}.txt")
    process = processes.Process(target=_become, args=(command, folder, told))

    process.start()
    process.join(LIMIT_S)
    process.kill()
    process.join()

    output = told.read_text()
    assert process.exitcode == 0, output[-6000:]
    assert "the small form took" in output
    assert _results() == before, "a small form leaves published results alone"
    # Libraries leave files of their own where temporary files go.
    left = [p.name for p in folder.iterdir() if not p.name.startswith(OF_LIBRARIES)]
    assert left == [], "a small form leaves nothing where it ran"


def _become(command: str, folder: Path, told: Path) -> None:
    """Make this process that of `python -m command --smoke`; what it prints goes to a file."""
    with told.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(folder)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    sys.argv = [command, "--smoke"]
    try:
        runpy.run_module(command, run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()  # which a fork leaves out


@pytest.mark.parametrize("command", QUICK)
def test_a_quick_experiment_runs_in_its_small_form(command, tmp_path, forks):
    _run_small_form(command, tmp_path, forks)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(command, marks=[pytest.mark.ray] * (command in ON_RAY))
        for command in _commands()
        if command not in QUICK
    ],
)
def test_every_other_experiment_runs_in_its_small_form(command, tmp_path, forks):
    _run_small_form(command, tmp_path, forks)


def test_the_quick_ones_are_among_the_commands():
    assert {*QUICK, *ON_RAY} < set(_commands())


def test_every_command_of_an_experiment_stands_in_their_table():
    named = re.findall(r"`python -m (experiments[\w.]*)", (EXPERIMENTS / "README.md").read_text())

    assert sorted(set(named)) == _commands()


@pytest.mark.parametrize(
    "page",
    sorted(str(path.relative_to(REPOSITORY)) for path in EXPERIMENTS.rglob("*.md")),
)
def test_a_page_names_only_commands_that_exist(page):
    named = re.findall(r"python -m (experiments[\w.]*)", (REPOSITORY / page).read_text())

    assert set(named) <= set(_commands())
    assert "python experiments/" not in (REPOSITORY / page).read_text()


@pytest.mark.parametrize(
    "path",
    sorted(str(path.relative_to(REPOSITORY)) for path in EXPERIMENTS.rglob("*.py")),
)
def test_a_docstring_names_only_commands_that_exist(path):
    text = (REPOSITORY / path).read_text()

    assert set(re.findall(r"python -m (experiments[\w.]*)", text)) <= set(_commands())
    assert "python experiments/" not in text
