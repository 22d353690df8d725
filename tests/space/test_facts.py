import numpy as np
import pytest

from nas.space.facts import ConfigurationFacts, Facts
from nas.space.flatten import flatten


def facts_of(tree, rows):
    facts = ConfigurationFacts(flatten(tree).parameters)
    return facts, facts(np.array(rows, dtype=float))


def test_static_losses_are_the_log_size_unless_others_are_given():
    assert Facts(5.0, "a").losses == (5.0,)
    assert Facts(5.0, "a", static=(5.0, 7.0)).losses == (5.0, 7.0)


def test_shares_places_presence_and_repeats_of_like_positions():
    tree = {name: {"choice": ["conv", "skip"]} for name in ("e1", "e2", "e3", "e4")}
    _, found = facts_of(tree, [[0, 0, 1, 0], [1, 1, 1, 1]])
    # places of four positions: -1/2, -1/6, 1/6, 1/2; moments are twice the mean over positions
    first = [3 / 4, 1 / 4, 2 * (-1 / 2 - 1 / 6 + 1 / 2) / 4, 2 * (1 / 6) / 4, 1.0, 1 / 3]
    second = [0.0, 1.0, 0.0, 0.0, 1.0, 1.0]
    assert found == pytest.approx(np.array([first, second]))


def test_absent_positions_are_no_option_and_have_no_place():
    tree = {name: {"choice": ["a", "b"]} for name in ("m1", "m2", "m3", "m4")}
    _, found = facts_of(tree, [[0, 1, np.nan, np.nan]])
    # two are present, at the first and the last place
    assert found[0] == pytest.approx([1 / 4, 1 / 4, -1 / 4, 1 / 4, 2 / 4, 0.0])


def test_positions_of_a_repeat_are_alike_and_other_parameters_are_not():
    tree = {
        "width": {"choice": [0.5, 1.0]},
        "stages": {"repeat": {"int": [2, 3]}, "kernel": {"choice": [3, 5]}},
    }
    facts, found = facts_of(tree, [[0, 2, 0, 1, np.nan]])
    assert facts.blocks == [
        [("share", 1), ("share", 1), ("place", 2), ("present", 1), ("repeats", 1)]
    ]
    assert found.shape == (1, 6)


def test_options_that_differ_a_little_are_put_together():
    tree = {"m1": {"choice": ["a", "b", "c"]}, "m2": {"choice": ["c", "b", "a", "none"]}}
    _, found = facts_of(tree, [[0, 2], [2, 3]])
    assert found[0, :4] == pytest.approx([1.0, 0.0, 0.0, 0.0])  # both are "a"
    assert found[1, :4] == pytest.approx([0.0, 0.0, 0.5, 0.5])


def test_a_space_without_like_positions_has_no_such_facts():
    _, found = facts_of({"width": {"choice": [1, 2]}, "depth": {"int": [1, 4]}}, [[0, 3]])
    assert found.shape == (1, 0)
