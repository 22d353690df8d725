import pytest

from nas.architecture import Architecture
from nas.cli.cost_warnings import CostWarnings
from nas.engine.view import Progress, SearchPlan
from nas.objective import Constraint, objective_for
from nas.trial import Failure, FailureKind, TrialRecord, TrialState


def plan(**changes):
    values = {
        "name": "a",
        "run_folder": "runs/a",
        "num_trials": 100,
        "objectives": (objective_for("accuracy"), objective_for("size_bytes")),
        "num_architectures": 1e6,
        "num_slots": 4,
    }
    return SearchPlan(**{**values, **changes})


def progress(**changes):
    values = {
        "num_trials": 100,
        "num_done": 20,
        "num_running": 4,
        "num_failed": 0,
        "num_redrawn": 0,
        "num_known": 0,
        "num_slots": 4,
        "front": [],
        "elapsed_s": 100.0,
        "remaining_s": None,
    }
    return Progress(**{**values, **changes})


def record(number, *, accuracy=0.5, failure=None):
    return TrialRecord(
        number,
        Architecture({}),
        TrialState.FAILED if failure else TrialState.COMPLETE,
        {"accuracy": accuracy},
        failure=failure,
    )


def lines_after(progresses, *, records=(), **changes):
    warnings = CostWarnings(plan(**changes))
    for each in records:
        warnings.finished(each)
    for each in progresses:
        warnings.hear(each)
    return warnings.lines(progresses[-1])


def over_time(**changes):
    return [progress(elapsed_s=float(second), **changes) for second in range(61)]


def test_a_healthy_search_is_told_nothing():
    assert lines_after(over_time()) == []


def test_slots_without_a_trial_are_counted():
    assert lines_after(over_time(num_running=1)) == ["of 4 slots 3.0 had no trial over 30 s"]


def test_slots_are_free_at_the_end_of_a_search_and_that_is_no_waste():
    assert lines_after(over_time(num_done=99, num_running=1)) == []


def test_slots_that_were_free_for_some_seconds_are_no_waste():
    assert lines_after(over_time(num_running=1)[:15]) == []


def test_a_slow_sampler_is_named_instead_of_the_slots_that_it_keeps_idle():
    (line,) = lines_after(over_time(num_running=1, sampler_share=0.4))

    assert line.startswith("the sampler is slower than the workers: 40% of their time is lost")


def test_failures_are_told_with_the_most_frequent_kind():
    memory = Failure(FailureKind.OUT_OF_MEMORY, "too large")
    other = Failure(FailureKind.ERROR, "no")
    failed = [record(0, failure=memory), record(1, failure=other), record(2, failure=memory)]

    (line,) = lines_after([progress(num_done=6, num_failed=3)], records=failed)

    assert line == "3 of 6 trials failed, 2 of them: out_of_memory; log.txt has the reasons"


def test_a_few_failures_are_no_waste():
    assert lines_after([progress(num_done=5, num_failed=5)]) == []
    assert lines_after([progress(num_done=100, num_failed=49)]) == []


def test_a_constraint_that_few_proposals_keep_is_told():
    (line,) = lines_after([progress(num_done=16, num_redrawn=300, num_known=20)])

    assert line.startswith("280 of 300 proposals broke a constraint; nas profile")


def test_known_networks_break_no_constraint():
    assert lines_after([progress(num_redrawn=300, num_known=300)]) == []


def test_trials_of_an_earlier_command_say_nothing_of_the_proposals_of_this_one():
    changes = {"num_done": 1016, "num_redrawn": 300}

    assert lines_after([progress(**changes)]) == []
    assert len(lines_after([progress(**changes)], num_resumed=1000)) == 1


@pytest.mark.parametrize(("num_good", "num_lines"), [(1, 1), (2, 0)], ids=["5 %", "10 % and more"])
def test_a_limit_that_few_networks_keep_is_told(num_good, num_lines):
    records = [record(n, accuracy=0.99 if n < num_good else 0.5) for n in range(19)]

    lines = lines_after([progress()], records=records, limits=(Constraint("accuracy", 0.9),))

    assert lines == ["1 of 19 networks keep accuracy >= 0.9"] * num_lines
