import math

import pytest

from nas.architecture import Architecture
from nas.metric import Direction
from nas.objective import Objective, objective_for
from nas.report.front import comparable_records, front_records, knee_record, leading_objective
from nas.trial import TrialState


def _brute_force_front(points):
    """All (accuracy, size) points that no other beats, by the definition."""
    return {
        number
        for number, (accuracy, size) in points.items()
        if not any(
            a >= accuracy and s <= size and (a, s) != (accuracy, size) for a, s in points.values()
        )
    }


def test_front_equals_the_definition_over_a_plausible_search(search_records, accuracy_size):
    records = search_records(300, seed=3)
    points = {}
    seen = set()
    for record in records:
        if record.state is TrialState.COMPLETE and record.architecture.id not in seen:
            seen.add(record.architecture.id)
            points[record.number] = (record.metrics["accuracy"], record.metrics["size_bytes"])

    front = front_records(records, accuracy_size)

    assert {record.number for record in front} == _brute_force_front(points)
    sizes = [record.metrics["size_bytes"] for record in front]
    assert sizes == sorted(sizes)


def test_only_complete_trials_with_the_full_budget_stand_on_the_front(trial, accuracy_size):
    best = {"accuracy": 1.0, "size_bytes": 1.0}
    records = [
        trial(0, state=TrialState.STOPPED, budget=0.3, **best),
        trial(1, budget=0.5, **best),
        trial(2, state=TrialState.FAILED, **best),
        trial(3, state=TrialState.RUNNING, **best),
        trial(4, accuracy=0.2, size_bytes=9.0),
    ]

    assert [record.number for record in front_records(records, accuracy_size)] == [4]


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_a_complete_trial_without_a_finite_objective_is_left_out(trial, accuracy_size, broken):
    records = [trial(0, accuracy=broken, size_bytes=1.0), trial(1, size_bytes=1.0)]

    assert front_records(records, accuracy_size) == []


def test_of_repeated_trials_of_one_architecture_the_first_counts(trial, accuracy_size):
    point = Architecture({"width": 1})
    records = [
        trial(2, accuracy=0.9, size_bytes=5.0, architecture=point),
        trial(1, accuracy=0.8, size_bytes=5.0, architecture=point),
    ]

    assert [record.number for record in comparable_records(records, accuracy_size)] == [1]


def test_front_keeps_both_of_two_equal_architectures(trial, accuracy_size):
    records = [trial(n, accuracy=0.8, size_bytes=5.0) for n in range(2)]

    assert [record.number for record in front_records(records, accuracy_size)] == [0, 1]


def test_front_of_the_front_is_the_front(search_records, three_objectives):
    front = front_records(search_records(200), three_objectives)

    assert front_records(front, three_objectives) == front


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        (("accuracy", "latency_ms", "size_bytes"), "size_bytes"),
        (("accuracy", "latency_ms"), "latency_ms"),
        (("accuracy", "quality"), "accuracy"),
    ],
    ids=["static", "minimised", "neither"],
)
def test_a_front_is_ordered_by_static_then_minimised_objective(metrics, expected):
    assert leading_objective([objective_for(name) for name in metrics]).metric == expected


def test_objectives_of_a_users_own_name_work(trial):
    objectives = (
        Objective("val200_c10", Direction.MAXIMIZE, False),
        Objective("params_c10", Direction.MINIMIZE, True),
    )
    records = [
        trial(0, val200_c10=70.0, params_c10=3.0),
        trial(1, val200_c10=60.0, params_c10=4.0),
    ]

    assert [record.number for record in front_records(records, objectives)] == [0]


def test_knee_is_a_member_or_none(search_records, accuracy_size):
    front = front_records(search_records(80), accuracy_size)

    assert knee_record(front, accuracy_size) in front
    assert knee_record([], accuracy_size) is None
