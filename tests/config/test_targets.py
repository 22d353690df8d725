import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from nas.assemble.make import make, make_sampler
from nas.config.launch import open_launch_folder
from nas.config.nodes import offers_of
from nas.config.targets import locate, validate_targets
from nas.config.validator import Validator, describe, fits
from nas.errors import ConfigError


@dataclass(frozen=True)
class Part:
    size: int = 1


@dataclass(frozen=True)
class Whole:
    part: Part
    names: list[str]
    space: object = None


HERE = f"{__name__}"


@pytest.fixture
def checked():
    def validator(node, injected=()):
        found = Validator()
        validate_targets(found, node=node, path="node", injected=injected)
        return found.faults

    return validator


@pytest.mark.parametrize(
    ("dotted", "told"),
    [
        ("Mine", "is no dotted name"),
        ("a b.C", "is no dotted name"),
        ("no_such_module.Mine", r"put no_such_module.py into the folder"),
        ("nas.no_such.Mine", "'nas' has no 'no_such'"),
        ("nas.errors.NasErorr", "has no 'NasErorr'; it has, nearest first: NasError"),
        ("nas.metric.METRICS", "is no class or function, but dict"),
    ],
)
def test_a_target_that_is_not_there_is_told(dotted, told):
    with pytest.raises(ConfigError, match=told):
        locate(dotted)


def test_a_module_that_lacks_a_package_says_so(launch_folder):
    (launch_folder / "needs_more.py").write_text("import no_such_package\n")
    open_launch_folder()

    with pytest.raises(
        ConfigError, match="No module named 'no_such_package'; install what it needs"
    ):
        locate("needs_more.Mine")


def test_a_module_with_a_syntax_error_is_told_with_its_line(launch_folder):
    (launch_folder / "torn.py").write_text("x = 1\ndef (\n")
    open_launch_folder()

    with pytest.raises(ConfigError, match=r"SyntaxError.*torn.py, line 2"):
        locate("torn.Mine")


@pytest.mark.parametrize("line", ["raise SystemExit(4)", "raise GeneratorExit", "1 / 0"])
def test_a_module_that_ends_while_it_is_imported_is_told_with_its_line(launch_folder, line):
    (launch_folder / "ends.py").write_text(f"x = 1\n{line}\n")
    open_launch_folder()

    with pytest.raises(ConfigError, match=r"importing 'ends' failed: .*ends.py, line 2"):
        locate("ends.Mine")


def test_nested_targets_are_judged_too(checked):
    node = {
        "_target_": f"{HERE}.Whole",
        "names": [],
        "part": {"_target_": f"{HERE}.Part", "sise": 2},
    }

    assert checked(node) == ["node.part has no option 'sise'; known, nearest first: size"]


def test_what_the_framework_gives_need_not_stand_there(checked):
    node = {"_target_": f"{HERE}.Whole", "names": []}

    assert checked(node, ["part"]) == []
    assert checked(node) == [f"node.part is missing; {HERE}.Whole needs it"]


def test_types_are_held_against_annotations(checked):
    node = {"_target_": f"{HERE}.Part", "size": "large"}

    assert checked(node) == ["node.size must be a whole number, but got 'large'"]


@pytest.mark.parametrize(
    ("value", "hint", "answer"),
    [
        (1, float, True),
        (True, float, False),
        (1.0, int, False),
        (None, int | None, True),
        ("x", int | None, False),
        ([1, 2], tuple[int, ...], True),
        ([1, 2], tuple[int, int, int], False),
        (["a", 1], list[str], False),
        ({"a": 1}, dict[str, int], True),
        ("anything", object, True),
    ],
)
def test_a_value_fits_an_annotation(value, hint, answer):
    assert fits(value, hint) is answer


def test_annotations_are_said_in_words():
    assert describe(list[str]) == "a list, each text"
    assert describe(float | None) == "a number or null"


def test_offered_objects_are_handed_over_as_they_are():
    space = Part(size=9)
    node = {"_target_": f"{HERE}.Whole", "part": {"_target_": f"{HERE}.Part"}, "names": ["a"]}

    made = make(node, space=space, unwanted=1)

    assert made.space is space
    assert made.part == Part()
    assert type(made.names) is list


def test_an_offer_yields_to_the_configuration():
    assert offers_of({"_target_": f"{HERE}.Whole", "space": None}, ["space", "part"]) == ["part"]


def test_the_seed_of_the_run_reaches_the_sampler():
    sampler = make_sampler({"_target_": "optuna.samplers.RandomSampler"}, offers={})

    drawn = [sampler(seed)._rng.rng.randint(10**9) for seed in (1, 1, 2)]

    assert drawn[0] == drawn[1] != drawn[2]


def test_a_target_that_hydra_blocks_is_the_users_fault():
    with pytest.raises(ConfigError, match=r"os\.system"):
        make({"_target_": "os.system", "command": "true"})


@pytest.mark.parametrize("place", ["nas/__init__.py", "search_spaces/__init__.py", "nas.py"])
def test_a_package_named_as_ours_in_the_launch_folder_is_refused(launch_folder, place):
    path = launch_folder / place
    path.parent.mkdir(exist_ok=True)
    path.touch()

    with pytest.raises(ConfigError, match="has the name of a package of this framework"):
        open_launch_folder()


def test_a_clone_whose_code_is_installed_may_be_the_launch_folder(launch_folder):
    import nas

    installed = Path(nas.__file__).parents[1]
    for name in ("nas", "search_spaces"):
        shutil.copytree(installed / name, launch_folder / name)
    assert open_launch_folder() == launch_folder.resolve()

    (launch_folder / "nas" / "errors.py").write_text("changed = True\n")
    with pytest.raises(ConfigError, match="pip install -e"):
        open_launch_folder()


def test_the_launch_folder_comes_last_and_once(launch_folder):
    import sys

    open_launch_folder()
    open_launch_folder()

    assert sys.path[-1] == str(launch_folder)
    assert sys.path.count(str(launch_folder)) == 1
