"""How long will a trial take here? Measured on three models, before the search spends anything.

A model is trained for growing shares of its budget, and judged by as large a share of the
validation images, until the measurement's time is over. What is left is extrapolated from the last
two: building costs the same at each share, so their difference is training and judging alone. A
model's first training counts for nothing: libraries choose their kernels then, which is no trial's
time.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nas.architecture import Architecture
from nas.evaluation.evaluator import Evaluator
from nas.seeding import derive_seed
from nas.trial import TrialSpec

FIRST_SHARE = 0.01
GROWTH = 4.0
LEAST_GROWTH = 2.0  # where there is no time for more

LEAST_BUSY_SHARE = 0.1  # below, it is not the processor that a training waits for

# Share of a training, and of that which a step is to be at most -> what measures it: an evaluator
# that judges by that share of the validation images.
AtShare = Callable[[float, float], Evaluator]
FirstShare = Callable[[Mapping[str, float]], float]


@dataclass(frozen=True)
class TimedTrial:
    """What a trial of one architecture takes on this machine.

    Attributes:
        word: small, median or large.
        architecture: which one.
        costs: its static costs.
        seconds: wall time of a whole trial; 0.0 if it failed.
        share: of the training budget that was really spent; the rest is extrapolated.
        failure: why it cannot be trained, or None.
        step_share: of the training budget that a measured step was at most.
    """

    word: str
    architecture: Architecture
    costs: Mapping[str, float]
    seconds: float
    share: float
    failure: str | None = None
    step_share: float = 1.0


@dataclass(frozen=True)
class TrialTimes:
    """What trials of a space take on this machine.

    Attributes:
        trials: the measured ones, smallest first.
        mean_s: of a trial of the sample, interpolated between the measured ones by `scale`.
        scale: the static cost that was interpolated along.
        trials_per_hour: of all workers together, as if they did not slow each other down.
        planned_s: the search's expected length; None without a number of trials or a time limit.
        over_limit: share of the sample whose trials would pass the limit of a trial's time.
    """

    trials: tuple[TimedTrial, ...]
    mean_s: float
    scale: str
    trials_per_hour: float
    planned_s: float | None
    over_limit: float


@dataclass(frozen=True)
class PlannedSearch:
    """What the search is going to do.

    Attributes:
        num_trials: trials in all; None for no limit.
        time_limit_s: of the search; None for none.
        num_workers: trials at once.
        trial_time_limit_s: of one trial; None for none.
        expected_s: how long it takes by its own plan, which counts on networks such as it
            proposes; None where it has none, and networks of the sample are counted on.
    """

    num_trials: int | None
    time_limit_s: float | None
    num_workers: int
    trial_time_limit_s: float | None = None
    expected_s: float | None = None


@dataclass(frozen=True)
class Point:
    """One measurement.

    Attributes:
        share: of the training budget.
        seconds: that it took.
        busy_s: of these, or more with several threads, a processor was at work on it.
    """

    share: float
    seconds: float
    busy_s: float


@dataclass(frozen=True)
class _Measured:
    """How models are measured: what judges them at a share, the first one, the time for each."""

    at_share: AtShare
    first_share: FirstShare
    seconds: float
    seed: int

    def time_one(self, word: str, subject: tuple[Architecture, Mapping[str, float]]) -> TimedTrial:
        """Train for growing shares while there is time; at least two: one has no difference."""
        architecture, costs = subject
        until_s = time.monotonic() + self.seconds
        try:
            share = self.first_share(costs)
            self._measure(subject, share=share)
            points = [self._measure(subject, share=share)]
            points = self._with_larger_steps(subject, points, until_s=until_s)
            step_share = points[0].share
            while len(points) < 2 or _has_time(points[-1], GROWTH, until_s):
                if points[-1].share >= 1.0:
                    break
                growth = GROWTH if _has_time(points[-1], GROWTH, until_s) else LEAST_GROWTH
                share = min(1.0, growth * points[-1].share)
                points.append(self._measure(subject, share=share, step_share=step_share))
        except _FailedError as failed:
            return TimedTrial(word, architecture, costs, 0.0, failed.share, str(failed))
        return TimedTrial(
            word, architecture, costs, extrapolate(points), points[-1].share, step_share=step_share
        )

    def _with_larger_steps(
        self,
        subject: tuple[Architecture, Mapping[str, float]],
        points: list[Point],
        *,
        until_s: float,
    ) -> list[Point]:
        """Take larger shares in one step each, while there would be time for two more of them."""
        while points[-1].share < 1.0 and _has_time(points[-1], 4 * GROWTH, until_s):
            share = min(1.0, GROWTH * points[-1].share)
            # Steps of another size choose their kernels first.
            self._measure(subject, share=share)
            points = [self._measure(subject, share=share)]
        return points

    def _measure(
        self,
        subject: tuple[Architecture, Mapping[str, float]],
        *,
        share: float,
        step_share: float | None = None,
    ) -> Point:
        """Train and judge once.

        Raises:
            _FailedError: it cannot be trained.
        """
        architecture, costs = subject
        spec = TrialSpec(
            number=0,
            architecture=architecture,
            seed=derive_seed(self.seed, "trial", architecture.id),
            static_costs=costs,
            budget=share,
        )
        evaluator = self.at_share(share, share if step_share is None else step_share)
        started_s, busy_s = time.perf_counter(), time.process_time()
        failure = evaluator.evaluate(spec).failure
        point = Point(share, time.perf_counter() - started_s, time.process_time() - busy_s)
        if failure is not None:
            raise _FailedError(failure.message or "failed", share)
        return point


class _FailedError(Exception):
    """A model cannot be trained."""

    def __init__(self, message: str, share: float) -> None:
        super().__init__(message)
        self.share = share


def _has_time(point: Point, growth: float, until_s: float) -> bool:
    return growth * point.seconds <= until_s - time.monotonic()


def time_trials(
    evaluator: Evaluator,
    sample: Sequence[tuple[Architecture, Mapping[str, float]]],
    *,
    plan: PlannedSearch,
    seconds_each: float,
    seed: int,
    at_share: AtShare | None = None,
    first_share: FirstShare | None = None,
) -> TrialTimes | None:
    """Measure the smallest, the median and the largest of a sample; None where none can be.

    Args:
        evaluator: trains.
        sample: architectures with their static costs.
        plan: what the search is going to do.
        seconds_each: aim for each of the three; the two least shares may take longer.
        seed: of the weights.
        at_share: gives evaluators for measuring; None takes `evaluator` as it is.
        first_share: costs of a network -> share of its budget that is measured first.
    """
    if not sample:
        return None
    scale = "num_macs" if "num_macs" in sample[0][1] else next(iter(sample[0][1]), None)
    if scale is None:
        return None
    ordered = sorted(sample, key=lambda pair: pair[1][scale])
    evaluator.prepare()
    measured = _Measured(
        at_share or (lambda *_: evaluator),
        first_share or (lambda _: FIRST_SHARE),
        seconds_each,
        seed,
    )
    places = {"small": 0, "median": len(ordered) // 2, "large": len(ordered) - 1}
    trials = tuple(measured.time_one(word, ordered[place]) for word, place in places.items())
    sound = [trial for trial in trials if trial.failure is None]
    if not sound:
        return TrialTimes(trials, 0.0, scale, 0.0, None, 0.0)
    seconds = np.interp(
        [costs[scale] for _, costs in sample],
        [trial.costs[scale] for trial in sound],
        [trial.seconds for trial in sound],
    )
    return _planned(trials, seconds, scale=scale, plan=plan)


def _planned(
    trials: tuple[TimedTrial, ...], seconds: np.ndarray, *, scale: str, plan: PlannedSearch
) -> TrialTimes:
    mean_s = float(seconds.mean())
    limit = plan.trial_time_limit_s
    rounds = None if plan.num_trials is None else plan.num_trials / plan.num_workers
    counted_s = None if rounds is None else mean_s * max(1.0, rounds)
    lengths = (counted_s if plan.expected_s is None else plan.expected_s, plan.time_limit_s)
    ends = [seconds for seconds in lengths if seconds is not None]
    return TrialTimes(
        trials=trials,
        mean_s=mean_s,
        scale=scale,
        trials_per_hour=plan.num_workers * 3600.0 / mean_s,
        planned_s=min(ends) if ends else None,
        over_limit=0.0 if limit is None else float((seconds > limit).mean()),
    )


def extrapolate(points: Sequence[Point]) -> float:
    """Return the seconds of a whole trial.

    Where other programs share the processors, how long each measurement waited is chance; so the
    difference is one of processor time, as long as that is what is spent, and the waiting is that
    of all measurements together.

    Args:
        points: shares rising; the last two count.

    >>> extrapolate([Point(0.25, 2.0, 0.0), Point(0.5, 3.0, 0.0)])
    5.0
    """
    seconds = sum(point.seconds for point in points)
    busy_s = sum(point.busy_s for point in points)
    if busy_s < LEAST_BUSY_SHARE * seconds:
        return _extended([(point.share, point.seconds) for point in points])
    return seconds / busy_s * _extended([(point.share, point.busy_s) for point in points])


def _extended(points: Sequence[tuple[float, float]]) -> float:
    """Return the value at the share of 1, on the line through the last two."""
    share, value = points[-1]
    if share >= 1.0 or len(points) == 1:
        return value / share
    before_share, before = points[-2]
    slope = max(0.0, value - before) / (share - before_share)
    return value + slope * (1.0 - share)
