import time

import pytest
from parts.engine import SMALL, ClosedForm, complete, size_of

from nas.profile.trial_time import PlannedSearch, Point, extrapolate, time_trials
from nas.space.space import SearchSpace
from nas.trial import Failure, FailureKind, TrialResult, TrialState

START_S, FULL_S = 0.005, 0.2  # of building, and of the whole training of the largest


class Sleeper(ClosedForm):
    """Sleeps a fixed time, and one that grows with the size and the budget."""

    largest = 4048.0

    def evaluate(self, spec):
        time.sleep(START_S + FULL_S * spec.budget * size_of(spec.architecture) / self.largest)
        return complete(spec)


class TooLarge(Sleeper):
    def evaluate(self, spec):
        if size_of(spec.architecture) < self.largest:
            return super().evaluate(spec)
        failure = Failure(FailureKind.OUT_OF_MEMORY, "out of memory")
        return TrialResult(spec.number, spec.attempt, TrialState.FAILED, failure=failure)


def sample():
    return [(a, {"size_bytes": size_of(a)}) for a in SearchSpace(SMALL).enumerate()]


def measure(evaluator, plan):
    return time_trials(evaluator, sample(), plan=plan, seconds_each=0.1, seed=0)


def test_a_training_is_extrapolated_by_its_last_difference():
    points = [Point(0.01, 9.0, 0.0), Point(0.1, 1.1, 0.0), Point(0.2, 1.2, 0.0)]
    assert extrapolate(points) == pytest.approx(2.0)
    assert extrapolate([Point(0.25, 1.0, 0.0), Point(1.0, 3.0, 0.0)]) == 3.0


def test_on_a_busy_machine_processor_time_tells_and_waiting_is_shared_out():
    # 10 s of work in all, the second measurement by chance without waiting.
    points = [Point(0.1, 4.0, 1.0), Point(0.2, 2.0, 2.0)]
    assert extrapolate(points) == pytest.approx(10.0 * 6.0 / 3.0)


def test_three_models_are_measured_and_the_search_is_planned_from_them():
    times = measure(Sleeper(), PlannedSearch(num_trials=10, time_limit_s=None, num_workers=2))

    small, median, large = times.trials
    assert [trial.word for trial in times.trials] == ["small", "median", "large"]
    assert large.costs["size_bytes"] == Sleeper.largest
    assert small.costs["size_bytes"] < median.costs["size_bytes"] < Sleeper.largest
    # Sleeping is never short; on a loaded machine it is long, by a share that differs.
    assert 0.5 < large.seconds / (START_S + FULL_S) < 5.0
    assert times.trials_per_hour == pytest.approx(2 * 3600 / times.mean_s)
    assert times.planned_s == pytest.approx(10 / 2 * times.mean_s)


def test_a_time_limit_ends_the_planned_search():
    times = measure(Sleeper(), PlannedSearch(num_trials=100_000, time_limit_s=60.0, num_workers=1))

    assert times.planned_s == 60.0


def test_a_trial_that_passes_its_limit_is_foreseen():
    plan = PlannedSearch(num_trials=1, time_limit_s=None, num_workers=1, trial_time_limit_s=0.0001)

    assert measure(Sleeper(), plan).over_limit == 1.0


def test_a_model_too_slow_for_the_time_is_measured_twice_at_the_least_shares():
    shares = []

    def at_share(share, step_share):
        shares.append((share, step_share))
        return Sleeper()

    time_trials(
        Sleeper(),
        sample()[-1:],
        plan=PlannedSearch(num_trials=1, time_limit_s=None, num_workers=1),
        seconds_each=0.0,
        seed=0,
        at_share=at_share,
        first_share=lambda costs: 0.25,
    )

    # For each of the three models a first call that does not count, then two.
    assert shares == [(0.25, 0.25), (0.25, 0.25), (0.5, 0.25)] * 3


def test_a_model_that_cannot_be_trained_is_named_and_the_others_count():
    times = measure(TooLarge(), PlannedSearch(num_trials=1, time_limit_s=None, num_workers=1))

    assert times.trials[2].failure == "out of memory"
    assert times.mean_s > 0


def test_an_empty_sample_has_no_times():
    plan = PlannedSearch(num_trials=1, time_limit_s=None, num_workers=1)

    assert time_trials(Sleeper(), [], plan=plan, seconds_each=0.1, seed=0) is None
