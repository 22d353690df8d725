import pytest

from nas.errors import SpaceError
from nas.space.parameters import Choice, Int
from nas.space.rules import (
    above,
    check_arguments,
    check_depth,
    either,
    odd,
    whole,
)


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (whole(1), [1, 10_000], [0, -1, 10_001, 10**30, True, 1.0, "1"]),
        (odd(3), [3, 255], [1, 4, 257, 10**30 + 1, False]),
        (above(0), [1e-9, 1_000], [0, -0.5, 1e308, float("nan"), float("inf"), "1"]),
        (either(), [True, False], [0, 1, "true", None]),
    ],
    ids=["whole", "odd", "above", "either"],
)
def test_a_rule_has_both_its_ends(rule, good, bad):
    assert all(rule.holds(value) for value in good)
    assert not any(rule.holds(value) for value in bad)


@pytest.mark.parametrize("channels", [(16, -1), -1, "a", [[]], None])
def test_an_argument_that_nothing_can_be_built_with_is_named(channels):
    with pytest.raises(SpaceError, match=r"toy: channels must be a whole number .* but got"):
        check_arguments({"channels": channels}, {"channels": whole(1)}, space="toy")


def test_an_argument_without_values_is_refused():
    with pytest.raises(SpaceError, match="toy: channels is empty"):
        check_arguments({"channels": ()}, {"channels": whole(1)}, space="toy")


def test_stages_may_have_a_thousand_blocks_together_and_not_one_more():
    check_depth({"s.0.depth": Int(1, 999), "s.1.depth": Choice([1])}, "s.depth", space="toy")
    with pytest.raises(SpaceError, match=r"toy: .* 1,001 blocks, and may have 1,000; narrow s"):
        check_depth({"s.0.depth": Int(1, 999), "s.1.depth": Choice([2])}, "s.depth", space="toy")
