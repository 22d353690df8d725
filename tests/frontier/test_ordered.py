import numpy as np
import pytest

from nas.frontier.ordered import numbers_apart, ordered_places
from nas.space.parameters import Choice, Int


def test_numbers_with_even_ratios_stand_evenly():
    np.testing.assert_allclose(ordered_places([0.0005, 0.005, 0.05]), [0.0, 0.5, 1.0])


def test_numbers_with_even_differences_stand_evenly():
    np.testing.assert_allclose(ordered_places([0.0, 0.3, 0.6]), [0.0, 0.5, 1.0])


def test_numbers_of_a_text_column_count_as_numbers():
    np.testing.assert_allclose(ordered_places(["8", "16", "32", "64"]), np.arange(4) / 3)


def test_the_place_goes_with_the_number_and_not_with_the_place_in_the_list():
    np.testing.assert_allclose(ordered_places([0.1, 0.001, 0.01]), [1.0, 0.0, 0.5])


@pytest.mark.parametrize(
    "options",
    [
        ["relu", "tanh", "gelu"],
        ["none", 0.1, 0.2],
        [8, 16],  # two options have no order
        [False, True, 2],
        ["1", "1.0", "2"],  # two names of one number
        ["1", "nan", "2"],
        ["1", "inf", "2"],
    ],
)
def test_names_have_no_places(options):
    assert ordered_places(options) is None


def test_choices_that_three_positions_share_are_not_numbers_apart():
    kernel, width, name = Choice([3, 5, 7]), Choice([16, 32, 64]), Choice(["a", "b", "c"])
    assert numbers_apart([kernel, width, kernel, Int(1, 4), width, name, kernel]) == {1, 4}
