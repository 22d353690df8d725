import pytest

from nas.report.neighbours import change_words, neighbours_of


@pytest.fixture
def front(trial):
    return [
        trial(3, accuracy=0.80, size_bytes=1_000.0),
        trial(1, accuracy=0.90, size_bytes=10_000.0),
        trial(7, accuracy=0.95, size_bytes=100_000.0),
    ]


def test_a_member_has_the_next_smaller_and_the_next_larger_one(front, accuracy_size):
    beside = neighbours_of(front[1], front, accuracy_size)

    assert [(each.record.number, each.is_larger) for each in beside] == [(3, False), (7, True)]


def test_the_ends_of_a_front_have_one_neighbour(front, accuracy_size):
    assert [n.record.number for n in neighbours_of(front[0], front, accuracy_size)] == [1]
    assert [n.record.number for n in neighbours_of(front[2], front, accuracy_size)] == [1]
    assert neighbours_of(front[0], front[:1], accuracy_size) == []


def test_a_trial_off_the_front_has_the_members_around_its_size(front, trial, accuracy_size):
    other = trial(9, accuracy=0.5, size_bytes=20_000.0)

    assert [n.record.number for n in neighbours_of(other, front, accuracy_size)] == [1, 7]


def test_members_of_equal_size_are_passed_over(front, trial, accuracy_size):
    twin = trial(8, accuracy=0.90, size_bytes=10_000.0)

    beside = neighbours_of(twin, front, accuracy_size)

    assert [each.record.number for each in beside] == [3, 7]


def test_what_changes_is_told_with_units_and_which_way_is_better(front, accuracy_size):
    assert change_words(front[1], front[2], accuracy_size) == (
        "90.0 kB more size (+900%), 5.00 points more accuracy (better)"
    )
    assert change_words(front[1], front[0], accuracy_size) == (
        "9.00 kB less size (-90%), 10.00 points less accuracy (worse)"
    )
    assert change_words(front[1], front[1], accuracy_size) == "the same size, the same accuracy"
