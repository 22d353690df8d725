import numpy as np
import pytest
from torch import nn

from nas.architecture import Architecture
from nas.errors import SpaceError
from nas.frontier.encoding import Encoding
from nas.space.flatten import flatten
from nas.space.parameters import NEIGHBOUR_SHARE, Choice, Same
from nas.space.space import SearchSpace

SHARED = {
    "kernel": {"choice": [3, 5, 7]},
    "stem": {"kernel": {"same": "kernel"}},
    "stages": {
        "repeat": {"int": [1, 2]},
        "kernel": {"same": "kernel"},
        "width": {"choice": [8, 16]},
    },
}


class Recording(SearchSpace):
    """Remembers what `build` and `identity` were given."""

    def build(self, architecture, data):
        self.seen = dict(architecture)
        return nn.Identity()

    def identity(self, architecture):
        return f"kernel {architecture['stages.0.kernel']}"


def test_a_shared_value_is_no_parameter_of_its_own():
    space = SearchSpace(SHARED)

    # 3 kernels, and one or two stages of 2 widths.
    assert space.num_architectures() == 3 * (2 + 4)
    assert [p.name for p in space.parameters] == [
        *("kernel", "stages.repeat", "stages.0.width", "stages.1.width")
    ]


def test_what_a_subclass_defines_sees_a_shared_value_at_all_its_places():
    space = Recording(SHARED)
    architecture = Architecture({"kernel": 5, "stages.repeat": 1, "stages.0.width": 8})

    space.build(architecture, None)

    assert space.seen == {
        **architecture,
        "stem.kernel": 5,
        "stages.0.kernel": 5,  # and no stages.1.kernel: there is one stage
    }
    assert space.identity(architecture) == "kernel 5"
    assert "stem.kernel" not in architecture


def test_a_shared_value_can_be_shared_on_and_is_the_same_from_python():
    tree = {"a": {"choice": [1, 2]}, "b": {"same": "a"}, "c": {"same": "b"}}
    in_python = {"a": Choice([1, 2]), "b": Same("a"), "c": Same("b")}

    assert flatten(tree) == flatten(in_python)
    assert [place.source for place in flatten(tree).shared] == ["a", "a"]


def test_a_condition_may_name_a_shared_value():
    tree = {
        "a": {"choice": [1, 2]},
        "b": {"same": "a"},
        "c": {"choice": [3, 4], "when": {"b": 2}},
    }

    assert SearchSpace(tree).num_architectures() == 1 + 2


def test_a_value_may_be_shared_where_both_have_the_same_condition():
    tree = {
        "kind": {"choice": ["x", "y"]},
        "a": {"choice": [1, 2], "when": {"kind": "y"}},
        "b": {"same": "a", "when": {"kind": "y"}},
    }
    space = Recording(tree)

    assert space.with_shared(Architecture({"kind": "x"})) == Architecture({"kind": "x"})
    assert space.with_shared(Architecture({"kind": "y", "a": 2}))["b"] == 2


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ({"a": 1, "b": {"same": "aa"}}, "'b' names 'aa', which is no parameter"),
        ({"a": {"same": "b"}, "b": {"same": "a"}}, "in a circle: a -> b -> a"),
        ({"a": {"same": "a"}}, "'a' names 'a', which is no parameter"),
        ({"a": 1, "b": {"same": 3}}, "'b' must be the same as a parameter, by its name"),
        (
            {
                "kind": {"choice": ["x", "y"]},
                "a": {"choice": [1, 2], "when": {"kind": "y"}},
                "b": {"same": "a"},
            },
            "which is absent unless kind is y",
        ),
        ({"a": {"choice": [1, 2], "weights": [1]}}, "weights must be 2 numbers above 0"),
        ({"a": {"choice": [1, 2], "weights": [1, 0]}}, "leave it out of the choice"),
        ({"a": {"choice": [1, 2], "ordered": 1}}, "ordered must be true or false"),
        ({"a": {"int": [1, 2], "weights": [1, 1]}}, "allowed are step, log and prior"),
    ],
)
def test_what_cannot_be_is_refused(tree, told):
    with pytest.raises(SpaceError, match=told):
        SearchSpace(tree)


def test_weights_say_how_often_an_option_is_drawn():
    space = SearchSpace({"a": {"choice": ["x", "y", "z"], "weights": [6, 3, 1]}})
    rng, number = np.random.default_rng(0), 3000

    drawn = [space.sample(rng)["a"] for _ in range(number)]
    rows = Encoding(space).draw(number, rng)[:, 0]

    # Four deviations of a share of 0.6: a false alarm in 16,000 runs of other seeds.
    tolerance = 4 * (0.6 * 0.4 / number) ** 0.5
    assert drawn.count("x") / number == pytest.approx(0.6, abs=tolerance)
    assert np.mean(rows == 2) == pytest.approx(0.1, abs=tolerance)


def test_most_changes_of_an_ordered_choice_go_to_a_neighbour():
    choice = Choice([1, 2, 3, 4, 5], is_ordered=True)
    space = SearchSpace({"a": choice})
    rng, number = np.random.default_rng(0), 3000
    start = Architecture({"a": 3})
    rows = np.full((number, 1), 2.0)

    changed = [space.mutate(start, rng)["a"] for _ in range(number)]
    codes = Encoding(space).mutate(rows, rng, num_changes=np.ones(number, dtype=np.int64))[:, 0]

    tolerance = 4 * (NEIGHBOUR_SHARE * (1 - NEIGHBOUR_SHARE) / number) ** 0.5
    near = np.mean(np.abs(np.array(changed) - 3) == 1)
    assert near == pytest.approx(NEIGHBOUR_SHARE, abs=tolerance)
    assert np.mean(np.abs(codes - 2) == 1) == pytest.approx(NEIGHBOUR_SHARE, abs=tolerance)
    assert 3 not in changed


@pytest.mark.parametrize("options", [[1, 2], [1, 2, 3], [True, False, "auto"]])
def test_a_change_never_keeps_the_value_and_can_reach_every_other(options):
    choice = Choice(options, weights=[1.0 + i for i in range(len(options))], is_ordered=True)

    for place in range(len(options)):
        chances = choice.changes_from(place)
        assert chances[place] == 0
        assert (np.delete(chances, place) > 0).all()
        assert chances.sum() == pytest.approx(1)
