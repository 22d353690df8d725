import pytest

from nas.objective import objective_for
from nas.report.outliers import axis_range

ACCURACY, SIZE = objective_for("accuracy"), objective_for("size_bytes")


def test_one_bad_accuracy_does_not_stretch_the_axis():
    values = [80.0 + i for i in range(19)] + [2.0]

    low, high = axis_range(ACCURACY, values, [98.0])

    assert 70.0 < low < 80.0
    assert 98.0 < high < 101.0


def test_one_huge_network_does_not_stretch_a_logarithmic_axis():
    values = [1e4 * 1.2**i for i in range(10)] + [1e10]

    low, high = axis_range(SIZE, values, [1e4])

    assert low < 1e4
    assert 1e4 * 1.2**9 < high < 2e5


def test_a_member_of_the_front_is_never_outside():
    low, high = axis_range(SIZE, [1e4] * 20 + [1e10], [1e4, 1e10])

    assert low < 1e4
    assert high > 1e10


def test_an_outlier_at_the_good_end_stays_inside():
    _, high = axis_range(ACCURACY, [10.0 + i / 10 for i in range(20)] + [99.0], [])

    assert high > 99.0


@pytest.mark.parametrize(("objective", "value"), [(ACCURACY, 90.0), (SIZE, 1e4), (ACCURACY, 0.0)])
def test_equal_values_have_room_on_both_sides(objective, value):
    low, high = axis_range(objective, [value] * 3, [value])

    assert low < value < high
