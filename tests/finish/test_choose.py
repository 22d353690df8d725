"""Which members of a front become winners."""

import numpy as np
import pytest

from nas.errors import ConfigError, ConstraintError
from nas.finish.choose import Pick, Which, belief_words, choose, counting, spread
from nas.objective import Constraint, objective_for
from tests.finish.conftest import OBJECTIVES, record


def numbers(records, **pick):
    return [r.number for r in choose(records, objectives=OBJECTIVES, pick=Pick(**pick))]


def test_all_of_the_front_is_taken_smallest_first(records):
    assert numbers(records[::-1]) == [0, 1, 2]


def test_best_under_a_size_is_the_most_accurate_that_fits(records):
    assert numbers(records, limits=(Constraint("size_bytes", maximum=500),)) == [1]


def test_smallest_above_an_accuracy(records):
    assert numbers(records, limits=(Constraint("accuracy", minimum=0.75),)) == [1]


def test_whole_front_within_limits_when_all_is_said(records):
    limits = (Constraint("size_bytes", maximum=500),)

    assert numbers(records, which=Which.ALL, limits=limits) == [0, 1]


def test_best_within_a_limit_that_the_search_did_not_optimise_may_be_off_its_front():
    records = [
        record(0, channels=2, accuracy=0.9, size_bytes=100.0, num_macs=1e6),
        record(1, channels=4, accuracy=0.8, size_bytes=200.0, num_macs=1e3),
    ]

    assert numbers(records, limits=(Constraint("num_macs", maximum=1e4),)) == [1]


def test_trials_by_number_are_taken_as_they_are_even_off_the_front(records):
    assert numbers(records, trials=(3, 0)) == [0, 3]


@pytest.mark.parametrize(("trivial", "expected"), [(0.75, [1, 2]), (0.99, [0, 1, 2, 3])])
def test_what_is_better_than_a_trivial_model_counts_or_all_where_nothing_is(
    records, trivial, expected
):
    floors = ((-trivial, np.inf),)
    counted = counting(records, objectives=OBJECTIVES, pick=Pick(floors=floors))

    assert sorted(record.number for record in counted) == expected


def test_knee_gives_one_member(records):
    assert len(numbers(records, which=Which.KNEE)) == 1


def test_nearest_is_named_when_nothing_fits(records):
    with pytest.raises(ConstraintError, match=r"size_bytes <= 200; the nearest is trial 0 .*252"):
        numbers(records, limits=(Constraint("size_bytes", maximum=200),))


def test_the_nearest_to_each_limit_is_one_that_keeps_the_other(records):
    limits = (Constraint("accuracy", minimum=0.75), Constraint("size_bytes", maximum=400))

    with pytest.raises(ConstraintError) as caught:
        numbers(records, limits=limits)

    told = str(caught.value)
    assert "the nearest to accuracy >= 0.75 of those with size_bytes <= 400 is trial 0" in told
    assert "the nearest to size_bytes <= 400 of those with accuracy >= 0.75 is trial 1" in told


def test_where_one_limit_is_in_the_way_only_that_one_is_told(records):
    limits = (Constraint("accuracy", minimum=0.75), Constraint("size_bytes", maximum=100))

    with pytest.raises(
        ConstraintError, match=r"; the nearest to size_bytes <= 100 .* 'pick=\[1\]'"
    ):
        numbers(records, limits=limits)


def test_three_limits_that_are_kept_two_at_a_time_name_the_nearest():
    metrics = [(0.9, 100.0, 9e6), (0.9, 900.0, 1e6), (0.5, 100.0, 1e6)]
    records = [
        record(n, channels=2, accuracy=a, size_bytes=s, num_macs=m)
        for n, (a, s, m) in enumerate(metrics)
    ]
    limits = (
        Constraint("accuracy", minimum=0.8),
        Constraint("size_bytes", maximum=200),
        Constraint("num_macs", maximum=2e6),
    )

    with pytest.raises(ConstraintError, match=r"accuracy >= 0.8 of those with .* is trial 2 "):
        numbers(records, limits=limits)


def test_unknown_trial_is_refused_with_those_that_can_be_taken(records):
    with pytest.raises(ConfigError, match=r"17 cannot be finished.*0, 1, 2, 3"):
        numbers(records, trials=(1, 17))


def test_limit_on_what_was_not_measured_is_refused_with_what_was(records):
    with pytest.raises(ConfigError, match=r"pick.latency_ms.*accuracy, size_bytes"):
        numbers(records, limits=(Constraint("latency_ms", maximum=1),))


def test_run_without_a_trained_trial_is_refused():
    with pytest.raises(ConstraintError, match="nothing to finish"):
        numbers([])


@pytest.mark.parametrize("count", [2, 3, 5])
def test_spread_takes_the_ends_and_leaves_no_point_farther_than_need_be(count):
    table = np.array([[10.0 - i, float(i)] for i in range(11)])

    chosen = spread(table, count=count)

    assert {0, 10} <= set(chosen)
    assert len(set(chosen)) == count
    # Gonzalez: the largest gap is at most twice the best possible one, here 10 / (2 (count - 1)).
    gaps = [min(abs(i - c) for c in chosen) for i in range(11)]
    assert max(gaps) <= 2 * np.ceil(10 / (2 * (count - 1)))


def test_spread_of_more_than_there_are_is_all():
    assert spread(np.array([[1.0, 2.0], [2.0, 1.0]]), count=7) == [0, 1]


def test_single_objective_takes_the_best():
    objectives = (objective_for("accuracy"),)
    records = [
        record(0, channels=2, accuracy=0.7, size_bytes=1.0),
        record(1, channels=4, accuracy=0.9, size_bytes=2.0),
    ]

    assert [r.number for r in choose(records, objectives=objectives, pick=Pick())] == [1]


LUCKY = {
    0: {"accuracy": 0.70},
    1: {"accuracy": 0.68},
    2: {"accuracy": 0.85},
    3: {"accuracy": 0.72},
}


def test_a_lucky_reading_wins_nothing_where_the_model_does_not_believe_it(records):
    assert numbers(records, beliefs=LUCKY) == [0, 3, 2]
    under = (Constraint("size_bytes", maximum=500),)
    assert numbers(records, beliefs=LUCKY, limits=under) == [3]
    # What is limited is what was measured, so the smallest above .75 is the one of .80.
    assert numbers(records, beliefs=LUCKY, limits=(Constraint("accuracy", minimum=0.75),)) == [1]
    assert numbers(records, beliefs=LUCKY, trials=(1,)) == [1]


def test_what_belief_changed_is_said(records):
    said = belief_words(records, objectives=OBJECTIVES, pick=Pick(beliefs=LUCKY))

    assert said.endswith("with trial 3, without trial 1")
    same = {r.number: {"accuracy": r.metrics["accuracy"] - 0.01} for r in records}
    for beliefs in ({}, same):
        pick = Pick(beliefs=beliefs)
        assert belief_words(records, objectives=OBJECTIVES, pick=pick) is None
