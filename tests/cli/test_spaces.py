import pytest

from nas.assemble.check import check_search
from nas.cli.commands import SEARCH
from nas.cli.flags import parse_flags, parse_list
from nas.config.choices import Choices, head_comment
from nas.config.launch import open_launch_folder
from nas.config.source import ConfigSource
from nas.paths import conf_dir


def test_the_list_has_a_line_for_each_space(nas):
    status, shown, _ = nas("spaces", "list")

    names = Choices((conf_dir(),)).choices("search_space")
    assert status == 0
    assert [line.split()[0] for line in shown.splitlines()] == names


def test_a_space_is_shown_with_its_parameters_and_size(nas):
    status, shown, _ = nas("spaces", "show", "mobilenet")

    assert status == 0
    assert "stages.*.kernel" in shown
    assert "0 to 3" in shown
    assert "architectures" in shown


def test_a_change_to_a_space_is_shown(nas):
    _, shown, _ = nas("spaces", "show", "mobilenet", "parameters.width.choice=[0.5]")

    assert "0.25" not in shown


def test_a_space_is_shown_with_its_compression(nas):
    status, shown, _ = nas("spaces", "show", "vit", "compression=low_rank")

    assert status == 0
    assert "rank" in shown
    assert "0.25, 0.5, 1.0" in shown


def test_a_copied_space_can_be_searched_at_once(nas, launch_folder):
    status, shown, _ = nas("spaces", "copy", "mobilenet", "mine")

    assert status == 0
    assert "nas search --config-dir mine search_space=my_mobilenet" in shown
    open_launch_folder()
    config = check_search(
        ConfigSource(config_dir=launch_folder / "mine", overrides=("search_space=my_mobilenet",))
    )
    assert config.search_space["_target_"] == "mine.my_mobilenet.MobileNetSpace"


def test_a_copy_overwrites_nothing(nas):
    nas("spaces", "copy", "mobilenet", "mine")

    status, _, told = nas("spaces", "copy", "mobilenet", "mine")

    assert status == 2
    assert "exists already" in told


def test_flags_and_overrides_may_come_in_any_order(launch_folder):
    flags = parse_flags(["seed=1", "--config-dir", "my", "-m", "ui=none", "-cn", "x.yaml"], SEARCH)

    assert flags.overrides == ("seed=1", "ui=none")
    assert flags.config_dir == launch_folder / "my"
    assert flags.is_multirun
    assert flags.config_name == "x"


@pytest.mark.parametrize(
    ("text", "items"),
    [("[a,b]", ["a", "b"]), ("a", ["a"]), ("[]", []), ("['a b', c]", ["a b", "c"])],
)
def test_a_list_of_the_command_line_is_read(text, items):
    assert parse_list(text) == items


@pytest.mark.parametrize("group", ["sampler", "objectives", "execution", "preset", "search_space"])
def test_every_choice_says_what_it_is(group):
    choices = Choices((conf_dir(),))

    assert all(choices.describe(group, name) for name in choices.choices(group))


def test_a_head_comment_of_several_lines_is_one_sentence():
    text = "# @package _global_\n# conf/preset/x.yaml: takes\n# two lines. More.\nkey: 1\n"

    assert head_comment(text) == "takes two lines."
