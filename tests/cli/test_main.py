import subprocess
import sys

import pytest

from nas.cli.command import Command
from nas.cli.commands import COMMANDS
from nas.cli.main import is_interrupt


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]], ids=["none", "--help", "-h"])
def test_the_help_lists_every_command(nas, words):
    status, shown, _ = nas(*words)

    assert status == 0
    assert all(f"nas {name}" in shown for name in COMMANDS)


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"search"}))
def test_each_command_has_a_help(nas, name):
    status, shown, _ = nas(name, "--help")

    assert status == 0
    assert f"nas {name}" in shown


def test_the_help_of_search_has_groups_defaults_and_examples(nas):
    status, shown, _ = nas("search", "--help")

    assert status == 0
    assert "sampler [" in shown
    assert "brute_force" in shown
    assert "stopping.num_trials [auto]" in shown
    assert "name [date and time]" in shown
    assert "nas search preset=smoke" in shown


def test_an_unknown_command_is_the_users_fault(nas):
    status, _, told = nas("serach")

    assert status == 2
    assert told == (
        "nas: there is no command 'serach'; known, nearest first: "
        "search, spaces, compare, completion, dashboard, device, finish, pick, profile, "
        "repair, report, reproduce, show\n"
    )


def test_an_unknown_flag_is_the_users_fault(nas):
    status, _, told = nas("search", "--config-folder", "x")

    assert status == 2
    assert "nas search has no flag --config-folder" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["report"], "run=... must be given"),
        (["report", "rn=a"], "there is no option 'rn'; known, nearest first: run"),
        (["report", "run=runs/gone"], "does not exist"),
        (["compare", "runs=[runs/x*]"], "nothing is called runs/x*"),
        (["dashboard", "run=a", "port=high"], "port must be from 1 to 65535, but got 'high'"),
        (["spaces", "shew"], "nas spaces cannot 'shew'; it can, nearest first: show"),
        (["spaces", "show", "mobilnet"], "known, nearest first: mobilenet"),
        (["spaces", "copy", "mobilenet"], "write nas spaces copy NAME DIR"),
        (["completion", "tcsh"], "there is no completion for 'tcsh'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_word_is_told_without_a_traceback(nas, words, told):
    status, _, error = nas(*words)

    assert status == 2
    assert told in error
    assert "Traceback" not in error


def test_the_help_imports_nothing_heavy():
    code = (
        "import sys; from nas.cli.main import main; main(['--help']);"
        "print(sorted({'torch', 'ray', 'optuna', 'hydra', 'rich', 'numpy'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.endswith("[]\n")


def test_an_error_of_ours_ends_with_its_traceback(nas, monkeypatch):
    monkeypatch.setitem(COMMANDS, "report", Command("report", "no.module", ""))

    status, _, told = nas("report")

    assert status == 1
    assert "Traceback" in told
    assert "stopped by an unexpected error: ModuleNotFoundError" in told


def test_what_fails_because_of_an_interrupt_is_the_interrupt():
    """argparse, cut while it takes its words apart, raises an error of its own."""
    error = AttributeError("no save_nargs")
    error.__context__ = KeyboardInterrupt()

    assert is_interrupt(error)
    assert not is_interrupt(AttributeError("no save_nargs"))
