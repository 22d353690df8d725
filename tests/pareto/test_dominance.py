import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.errors import InvalidObjectivesError
from nas.pareto.dominance import Front, front_mask, ranks

# Whole numbers make ties and duplicates common.
TABLES = st.integers(1, 4).flatmap(
    lambda m: st.lists(st.lists(st.integers(0, 5), min_size=m, max_size=m), max_size=25)
)


def dominates(a, b):
    return all(x <= y for x, y in zip(a, b, strict=True)) and tuple(a) != tuple(b)


@settings(derandomize=True)
@given(TABLES)
def test_front_mask_equals_brute_force(rows):
    expected = [not any(dominates(other, row) for other in rows) for row in rows]

    assert front_mask(rows).tolist() == expected


def test_front_keeps_both_of_two_equal_points():
    assert front_mask([[1, 2], [1, 2], [2, 2]]).tolist() == [True, True, False]


def test_front_of_nothing_is_empty():
    assert front_mask([]).shape == (0,)
    assert front_mask(np.empty((0, 2))).shape == (0,)
    assert ranks([]).shape == (0,)


@settings(derandomize=True)
@given(TABLES)
def test_ranks_peel_one_front_after_the_other(rows):
    left, expected, layer = set(range(len(rows))), [0] * len(rows), 0
    while left:
        front = {i for i in left if not any(dominates(rows[j], rows[i]) for j in left)}
        expected = [layer if i in front else value for i, value in enumerate(expected)]
        left, layer = left - front, layer + 1

    assert ranks(rows).tolist() == expected


@settings(derandomize=True)
@given(TABLES)
def test_front_one_by_one_holds_the_distinct_points_of_the_whole_front(rows):
    front = Front()
    for index, row in enumerate(rows):
        front.add(str(index), row)

    mask = front_mask(rows)
    distinct = {tuple(map(float, row)) for row, kept in zip(rows, mask, strict=True) if kept}
    members = front.members()
    assert {losses for _, losses in members} == distinct
    assert len(members) == len(distinct) == len(front)
    assert [losses[-1] for _, losses in members] == sorted(losses[-1] for _, losses in members)


@settings(derandomize=True)
@given(TABLES)
def test_add_says_whether_the_point_is_on_the_front_now(rows):
    front = Front()
    answers = [front.add(str(index), row) for index, row in enumerate(rows)]

    for index, (row, answer) in enumerate(zip(rows, answers, strict=True)):
        earlier = rows[:index]
        beaten = any(dominates(other, row) or other == row for other in earlier)
        assert answer is not beaten


def test_first_of_two_equal_points_stands():
    front = Front()
    assert front.add("first", (1.0, 2.0))
    assert not front.add("second", (1.0, 2.0))
    assert front.members() == [("first", (1.0, 2.0))]


def test_first_result_of_a_key_stands():
    front = Front()
    front.add("a", (1.0, 2.0))
    assert front.add("a", (0.0, 3.0))
    assert front.members() == [("a", (1.0, 2.0))]
    assert "a" in front


def test_members_that_a_new_point_dominates_leave():
    front = Front()
    for key, losses in {"a": (3.0, 1.0), "b": (2.0, 2.0), "c": (1.0, 3.0)}.items():
        front.add(key, losses)
    assert front.add("d", (1.0, 1.5))
    assert front.members() == [("a", (3.0, 1.0)), ("d", (1.0, 1.5))]
    assert "b" not in front
    assert front.losses().tolist() == [[3.0, 1.0], [1.0, 1.5]]


def test_beaten_by_names_whom_a_point_would_drop_and_drops_nobody():
    front = Front()
    for key, point in {"a": (3.0, 1.0), "b": (2.0, 2.0), "c": (1.0, 3.0)}.items():
        front.add(key, point)

    assert front.beaten_by((1.0, 1.5)) == ["b", "c"]
    assert front.beaten_by((2.0, 2.0)) == []
    assert front.beaten_by((4.0, 0.5)) == []
    assert len(front) == 3


def test_nan_is_refused_with_its_row():
    with pytest.raises(InvalidObjectivesError, match="point 1"):
        front_mask([[1.0, 2.0], [float("nan"), 1.0]])
    with pytest.raises(InvalidObjectivesError, match="'a'"):
        Front().add("a", (float("nan"), 1.0))


def test_a_point_with_another_number_of_objectives_is_refused():
    front = Front()
    front.add("a", (1.0, 2.0))
    with pytest.raises(InvalidObjectivesError, match="'b' has 3 objectives, but the front has 2"):
        front.add("b", (1.0, 2.0, 3.0))


def test_losses_that_are_no_table_are_refused():
    with pytest.raises(InvalidObjectivesError, match="table"):
        front_mask([1.0, 2.0])
