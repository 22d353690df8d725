import pytest

from nas.architecture import Architecture
from nas.cli.scatter import Axes, scatter_lines
from nas.objective import objective_for
from nas.trial import TrialRecord, TrialState

AXES = Axes("size_bytes", "loss")


def drawn(front, beaten=(), *, axes=AXES, width=40, height=8):
    return scatter_lines(front, beaten, axes=axes, width=width, height=height)


def test_ends_of_a_front_stand_in_the_corners_and_axes_have_units():
    lines = drawn([(1_000.0, 4.0), (100_000.0, 2.0)])

    assert lines[0].startswith("4.00 ┤●")
    assert lines[5] == "2.00 ┤" + " " * 33 + "●"
    assert lines[7].split() == ["1.00", "kB", "size", "100", "kB"]


def test_bytes_are_spaced_by_their_logarithm():
    lines = drawn([(1_000.0, 4.0), (10_000.0, 3.0), (100_000.0, 2.0)])

    (row,) = (line for line in lines[1:5] if "●" in line)
    assert row.index("●") - row.index("│" if "│" in row else "┤") - 1 == 34 // 2


def test_accuracy_is_spaced_by_what_it_lacks():
    axes = Axes("size_bytes", "accuracy")
    front = [(1_000.0, 0.9), (10_000.0, 0.99), (100_000.0, 0.999)]

    lines = drawn(front, axes=axes, height=9)

    assert "●" in lines[3], "10 %, 1 % and 0.1 % missing are equally far apart"


def test_trials_that_are_beaten_are_dots_below_the_front():
    front = [(1_000.0, 4.0), (100_000.0, 2.0)]

    lines = drawn(front, [(100_000.0, 4.0), (1_000.0, 4.0), (1e9, 4.0), (1_000.0, 1e9)])

    assert lines[0].startswith("4.00 ┤●")
    assert lines[0].endswith("·")
    assert "".join(lines).count("·") == 1, "one is hidden, two lie outside"


@pytest.mark.parametrize("room", [{"width": 20}, {"height": 5}], ids=["too narrow", "too low"])
def test_nothing_is_drawn_without_room(room):
    assert drawn([(1_000.0, 4.0), (100_000.0, 2.0)], **room) == []


def test_nothing_is_drawn_of_one_point():
    assert drawn([(1_000.0, 4.0), (1_000.0, 4.0)]) == []


def test_perfect_accuracy_and_no_bytes_are_drawn():
    lines = drawn([(0.0, 0.5), (10.0, 1.0)], axes=Axes("size_bytes", "accuracy"))

    assert lines[0].startswith("100.00 % ┤")
    assert "●" in lines[0]


def test_size_goes_across_wherever_it_stands():
    accuracy, size = objective_for("accuracy"), objective_for("size_bytes")
    trial = TrialRecord(
        0, Architecture({}), TrialState.COMPLETE, {"accuracy": 0.5, "size_bytes": 7.0}
    )

    axes = Axes.of((accuracy, size))

    assert axes == Axes.of((size, accuracy)) == Axes("size_bytes", "accuracy")
    assert axes.point(trial) == (7.0, 0.5)
    assert Axes.of((accuracy,)) is None
