"""The process of a command line ends with its status, and all that was said is written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import nas

# The package that is tested, wherever another one is installed.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(nas.__file__).parents[1])}


def run(*words):
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=60, env=ENVIRONMENT
    )


@pytest.mark.parametrize(
    ("word", "status", "said"),
    [("--version", 0, "nas "), ("serch", 2, "there is no command 'serch'")],
)
def test_a_program_ends_with_its_status_and_all_of_its_words(word, status, said):
    done = run("-m", "nas", word)
    assert done.returncode == status
    assert said in done.stdout + done.stderr


def test_what_is_to_run_at_the_end_of_a_process_runs():
    code = (
        "import sys, atexit; from nas.cli import program; import nas.errors\n"
        "sys.argv = ['nas', '--version']\n"
        "own = program.main\n"
        "program.main = lambda: (atexit.register(print, 'tidied'), own())[1]\n"
        "program.program()"
    )
    done = run("-c", code)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "tidied"
