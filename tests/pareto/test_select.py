import pytest

from nas.errors import InvalidObjectivesError
from nas.pareto.select import best_under, knee


def test_knee_is_the_corner_of_an_elbow():
    losses = [[1.0, 0.0], [0.5, 0.05], [0.1, 0.1], [0.05, 0.5], [0.0, 1.0]]
    assert knee(losses) == 2


def test_knee_does_not_depend_on_units():
    losses = [[1.0, 0.0], [0.5, 0.05], [0.1, 0.1], [0.05, 0.5], [0.0, 1.0]]
    assert knee([[1000 * a - 7, b / 50 + 3] for a, b in losses]) == 2


def test_knee_of_a_straight_front_is_its_smallest_member():
    assert knee([[0.0, 2.0], [1.0, 1.0], [2.0, 0.0]]) == 2


def test_knee_is_never_a_dominated_point():
    assert knee([[0.5, 0.5], [0.4, 0.4], [0.0, 1.0], [1.0, 0.0]]) == 1


def test_knee_of_one_point_is_that_point():
    assert knee([[3.0, 4.0]]) == 0


def test_knee_of_nothing_is_refused():
    with pytest.raises(InvalidObjectivesError, match="front is empty"):
        knee([])


def test_best_under_a_limit_is_inclusive():
    losses = [[-0.9, 5.0], [-0.8, 3.0], [-0.7, 1.0]]
    assert best_under(losses, column=1, limit=3.0) == 1
    assert best_under(losses, column=1, limit=2.9) == 2
    assert best_under(losses, column=1, limit=0.5) is None
    assert best_under([], column=1, limit=0.5) is None


def test_best_under_breaks_ties_by_the_smaller():
    assert best_under([[-0.9, 5.0], [-0.9, 3.0]], column=1, limit=9.0) == 1
