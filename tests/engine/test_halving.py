"""Who goes on: the best share of a rung, among trials of like size."""

import numpy as np
import pytest

from nas.architecture import Architecture
from nas.engine.halving import SuccessiveHalving, best_first, is_among_best
from nas.errors import ConfigError
from nas.objective import objective_for
from nas.trial import Rung, TrialRecord, TrialState

OBJECTIVES = (objective_for("accuracy"), objective_for("size_bytes"))


def at_rung(number, accuracy, size, *, budget=0.5):
    rung = Rung(budget, {"accuracy": accuracy, "size_bytes": size}, seconds=1.0)
    return TrialRecord(
        number,
        Architecture({"x": number}),
        TrialState.RUNNING,
        {"size_bytes": size},
        rungs=(rung,),
    )


def decider_with(records, **settings):
    decider = SuccessiveHalving((0.5, 1.0), OBJECTIVES, **settings)
    for record in records:
        decider.reached(record)
    return decider


def promoted(decider, paused, **options):
    """Numbers in the order in which they are promoted, until none is."""
    paused, found = list(paused), []
    while (number := decider.promotion(paused, may_start=True, **options)) is not None:
        found.append(number)
        paused = [record for record in paused if record.number != number]
    return found


def test_one_of_two_equally_large_trials_goes_on_and_it_is_the_better_one():
    records = [at_rung(0, 0.6, 100.0), at_rung(1, 0.7, 100.0)]

    assert promoted(decider_with(records), records) == [1]


def test_nobody_goes_on_before_there_are_enough_to_compare_with():
    records = [at_rung(i, 0.5 + i / 10, 100.0) for i in range(3)]

    assert promoted(decider_with(records, keep=0.25), records) == []


def test_a_small_network_is_not_stopped_because_large_ones_are_more_accurate():
    # Eight small networks and eight a hundred times as large, each of which is more accurate.
    small = [at_rung(i, 0.30 + i / 100, 100.0) for i in range(8)]
    large = [at_rung(8 + i, 0.80 + i / 100, 10_000.0) for i in range(8)]
    records = [*small, *large]

    found = promoted(decider_with(records), records)

    assert sorted(found) == [4, 5, 6, 7, 12, 13, 14, 15]


def test_whoever_reached_a_higher_rung_goes_on_first():
    low = [at_rung(0, 0.9, 100.0, budget=0.25), at_rung(1, 0.1, 100.0, budget=0.25)]
    high = [at_rung(2, 0.4, 100.0), at_rung(3, 0.3, 100.0)]
    decider = SuccessiveHalving((0.25, 0.5, 1.0), OBJECTIVES)
    for record in [*low, *high]:
        decider.reached(record)

    assert promoted(decider, [*low, *high]) == [2, 0]


def test_what_would_be_the_front_goes_on_when_nothing_new_may_start():
    records = [at_rung(0, 0.3, 100.0), at_rung(1, 0.6, 200.0), at_rung(2, 0.5, 300.0)]
    decider = decider_with(records, keep=0.1)

    assert decider.promotion(records, may_start=True) is None
    assert decider.promotion(records, may_start=False) == 0
    assert decider.promotion(records[1:], may_start=False) == 1
    assert decider.promotion(records[2:], may_start=False) is None


def test_undominated_points_come_first_and_of_these_the_ends():
    points = [[1.0, 5.0], [2.0, 4.0], [2.5, 3.9], [5.0, 1.0], [5.0, 5.0]]

    order = best_first(np.array(points))

    assert set(order[:2]) == {0, 3}
    assert order[-1] == 4


@pytest.mark.parametrize("seed", range(5))
def test_the_best_are_the_first_of_the_whole_order(seed):
    points = np.random.default_rng(seed).integers(0, 6, size=(20, 2)).astype(float)

    for num_kept in range(21):
        found = [place for place in range(20) if is_among_best(points, place, num_kept)]
        assert found == sorted(best_first(points)[:num_kept])


def test_a_share_that_is_none_is_refused():
    with pytest.raises(ConfigError, match=r"fidelity\.keep must be above 0 and below 1"):
        SuccessiveHalving((0.5, 1.0), OBJECTIVES, keep=1.5)
