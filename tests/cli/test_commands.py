"""What the table of commands says, and what is made from it."""

import inspect

import pytest

from nas.cli.command import Argument, Command, two_columns
from nas.cli.commands import COMMANDS, PROFILE, SEARCH
from nas.cli.completion import complete
from nas.cli.flags import parse_flags, parse_settings, take_bare
from nas.config.choices import Choices
from nas.errors import ConfigError
from nas.measure.proxies import PROXIES
from nas.paths import conf_dir

WITH_ACTIONS = [command for command in COMMANDS.values() if command.actions]
RUNNING = [
    *(command for command in COMMANDS.values() if not command.actions),
    *(action for command in WITH_ACTIONS for action in command.actions),
]


def named(value: object) -> str:
    """Return the name of a command, as the name of a case."""
    return value.name if isinstance(value, Command) else ""


@pytest.mark.parametrize("command", RUNNING, ids=named)
def test_a_command_is_run_by_a_function_of_its_words(command):
    assert list(inspect.signature(command.run()).parameters) == ["words"]


@pytest.mark.parametrize("command", [*COMMANDS.values(), *RUNNING], ids=named)
def test_a_command_says_what_it_is_and_what_each_word_is(command):
    assert command.summary
    assert all(argument.shown and argument.words for argument in command.arguments)


@pytest.mark.parametrize("command", [*RUNNING, *WITH_ACTIONS], ids=named)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_the_help_of_a_command_has_its_usage_and_all_of_its_words(nas, command, flag):
    status, shown, told = nas(*command.name.split(), flag)

    assert (status, told) == (0, "")
    assert shown.startswith(f"nas {command.name} {command.usage()}".rstrip() + "\n")
    assert all(f"  {argument.shown}" in shown for argument in command.arguments)
    assert all(f"  {action.word} " in shown for action in command.actions)
    assert max(map(len, command.help_text().splitlines())) < 120


@pytest.mark.parametrize("command", [*RUNNING, *WITH_ACTIONS], ids=named)
def test_help_is_given_whatever_else_stands_there(nas, command):
    status, shown, _ = nas(*command.name.split(), "wrong=1", "--help")

    assert status == 0
    assert f"nas {command.name}" in shown


def test_the_help_has_each_command_with_its_usage_and_its_line(nas):
    _, shown, _ = nas("--help")

    flat = " ".join(shown.split())
    for command in COMMANDS.values():
        usage = f"nas {command.name} {command.usage()}".rstrip()
        assert f"{usage} {command.summary}" in flat


@pytest.mark.parametrize("command", RUNNING, ids=named)
def test_the_tab_key_knows_each_setting_and_each_flag_of_a_command(command):
    line = f"nas {command.name} {' '.join(['x'] * len(command.bare))} ".replace("  ", " ")

    offered = " ".join(f" {word}" for word in complete(line))
    flags = complete(f"{line}--")
    assert all(f" {key.partition('.')[0]}" in offered for key in command.keys)
    assert set(flags) == {"--help", *(flag.flags[0] for flag in command.flags)}


@pytest.mark.parametrize("command", RUNNING, ids=named)
def test_a_setting_of_a_file_is_one_of_its_groups_or_keys(command):
    choices = Choices((conf_dir(),), command.overrides or "search")
    known = {option.key for option in choices.options()} | set(choices.groups())

    others = set(command.completers) - known
    assert all(
        key.startswith(("data.", "objectives", "search_space.", "table.")) for key in others
    )


def test_a_new_entry_is_in_help_usage_completion_and_dispatch(nas, monkeypatch):
    colours = Argument("colour=red", "the colour", choices=("red", "green"), is_required=True)
    entry = Command("paint", "parts.painting", "paint it", arguments=(colours,))
    monkeypatch.setitem(COMMANDS, "paint", entry)

    assert "  nas paint colour=red " in nas("--help")[1]
    assert (
        nas("paint", "--help")[1]
        == "nas paint colour=red\n\npaint it\n\n  colour=red  the colour\n"
    )
    assert nas("paint", "colour=green") == (0, "painted green\n", "")
    assert "colour must be one of red, green, but got 'blue'" in nas("paint", "colour=blue")[2]
    assert complete("nas pai") == ["paint"]
    assert complete("nas paint c") == ["colour="]
    assert complete("nas paint colour=g") == ["colour=green"]


def test_the_proxies_that_are_offered_are_those_there_are():
    assert set(PROFILE.keys["proxies"].values("[")) == {f"[{name}" for name in [*PROXIES, "all"]}


def test_each_flag_is_read():
    words = "-cd d -cn n -m --cfg all -p node --resolve --info plugins seed=1"

    flags = parse_flags(words.split(), SEARCH)

    assert flags.config_dir is not None
    assert flags.config_dir.name == "d"
    assert (flags.config_name, flags.is_multirun, flags.cfg) == ("n", True, "all")
    assert (flags.package, flags.is_resolved, flags.info) == ("node", True, "plugins")
    assert flags.overrides == ("seed=1",)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["profile", "-m"], "nas profile has no flag -m; see nas profile --help"),
        (
            ["profile", "--config-path", "x"],
            "nas profile has no flag --config-path; see nas profile --help",
        ),
        (["search", "--cfg", "jobs"], "invalid choice: 'jobs'"),
        (["search", "--config-dir"], "expected one argument; see nas search --help"),
        (["spaces", "list", "x"], "write nas spaces list, but got x"),
        (
            ["spaces", "show"],
            "write nas spaces show NAME [key=value ...] [flags], but got nothing",
        ),
        (["spaces", "copy", "vit", "a", "b"], "write nas spaces copy NAME DIR, but got vit a b"),
        (["completion"], "write nas completion bash|zsh|fish, but got nothing"),
        (["completion", "bash", "zsh"], "but got bash zsh"),
        (["finish"], "run must be given: run=..."),
        (["reproduce", "run=a", "in=b"], "there is no option 'in'; known, nearest first: into"),
        (["repair", "run="], "run=... must be given"),
        (["reproduce", "run=a", "trust=yes"], "trust must be true or false, but got 'yes'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_word_that_the_table_does_not_know_is_refused(nas, words, told):
    status, _, error = nas(*words)

    assert status == 2
    assert told in error
    assert "Traceback" not in error


def test_settings_that_are_not_given_have_the_defaults_of_the_table():
    compare = COMMANDS["compare"]

    assert parse_settings(["runs=a"], compare) == {
        "runs": "a",
        "labels": "[]",
        "out": "comparison",
    }
    assert "into" not in parse_settings(["run=a"], COMMANDS["reproduce"])


def test_bare_words_are_parted_from_settings():
    (show,) = [action for action in COMMANDS["spaces"].actions if action.word == "show"]

    assert take_bare(["vit", "depth=3"], show) == (["vit"], ["depth=3"])
    with pytest.raises(ConfigError, match="write nas spaces show NAME"):
        take_bare([], show)


def test_words_in_two_columns_go_on_below_themselves():
    rows = [("a", "one two"), ("b" * 50, "three"), ("c", "four " * 30)]

    lines = list(two_columns(rows))

    assert lines[0] == f"{'  a':<36}one two"
    assert lines[1:3] == [f"  {'b' * 50}", f"{'':<36}three"]
    assert all(line.startswith(" " * 36) for line in lines[4:])


def test_a_number_alone_is_told_to_be_the_number_of_a_trial_where_there_are_trials():
    with pytest.raises(ConfigError, match="write trial=7"):
        parse_settings(["run=a", "7"], COMMANDS["show"])
    with pytest.raises(ConfigError, match="write key=value"):
        parse_settings(["runs=a", "7"], COMMANDS["compare"])
