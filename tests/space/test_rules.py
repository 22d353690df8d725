import pytest

from nas.errors import SpaceError
from nas.space.parameters import Choice, Int
from nas.space.rules import (
    above,
    check_arguments,
    check_depth,
    either,
    least_map_side,
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


@pytest.mark.parametrize(("kernels", "side"), [((3,), 2), ((3, 5), 3), ((7, 3), 4)])
def test_every_tap_of_the_largest_kernel_meets_a_map_of_the_least_side(kernels, side):
    domains = {"stages.0.kernel": Choice((1, 3)), "stages.1.kernel": Choice(kernels)}

    assert least_map_side(domains) == side
    # Of a kernel in the middle of a pixel, the outermost tap lies (k - 1) / 2 pixels away.
    assert max(kernels) // 2 <= side - 1 < max(kernels) // 2 + 1
