"""How long will a trial take here? Measured on three models, before the search spends anything.

A model is trained for growing shares of its budget until the measurement's time is over. What is
left is extrapolated from the last two: building and validating cost the same at each share, so
their difference is training alone.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nas.architecture import Architecture
from nas.evaluation.evaluator import Evaluator
from nas.seeding import derive_seed
from nas.trial import TrialResult, TrialSpec, TrialState

FIRST_SHARE = 0.01
GROWTH = 4.0


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
    """

    word: str
    architecture: Architecture
    costs: Mapping[str, float]
    seconds: float
    share: float
    failure: str | None = None


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
class Plan:
    """What the search is going to do.

    Attributes:
        num_trials: trials in all; None for no limit.
        time_limit_s: of the search; None for none.
        num_workers: trials at once.
        trial_time_limit_s: of one trial; None for none.
    """

    num_trials: int | None
    time_limit_s: float | None
    num_workers: int
    trial_time_limit_s: float | None = None


def time_trials(
    evaluator: Evaluator,
    sample: Sequence[tuple[Architecture, Mapping[str, float]]],
    *,
    plan: Plan,
    seconds_each: float,
    seed: int,
) -> TrialTimes | None:
    """Measure the smallest, the median and the largest of a sample; None where none can be.

    Args:
        evaluator: trains.
        sample: architectures with their static costs.
        plan: what the search is going to do.
        seconds_each: aim for each of the three; a single training step may take longer.
        seed: of the weights.
    """
    if not sample:
        return None
    scale = "num_macs" if "num_macs" in sample[0][1] else next(iter(sample[0][1]), None)
    if scale is None:
        return None
    ordered = sorted(sample, key=lambda pair: pair[1][scale])
    evaluator.prepare()
    # Libraries choose their kernels at the first call, which is no trial's time.
    _evaluate(evaluator, ordered[0], share=FIRST_SHARE, seed=seed)
    places = {"small": 0, "median": len(ordered) // 2, "large": len(ordered) - 1}
    trials = tuple(
        _time_one(evaluator, word, ordered[place], seconds=seconds_each, seed=seed)
        for word, place in places.items()
    )
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
    trials: tuple[TimedTrial, ...], seconds: np.ndarray, *, scale: str, plan: Plan
) -> TrialTimes:
    mean_s = float(seconds.mean())
    limit = plan.trial_time_limit_s
    rounds = None if plan.num_trials is None else plan.num_trials / plan.num_workers
    ends = [mean_s * max(1.0, rounds)] if rounds is not None else []
    ends += [plan.time_limit_s] if plan.time_limit_s is not None else []
    return TrialTimes(
        trials=trials,
        mean_s=mean_s,
        scale=scale,
        trials_per_hour=plan.num_workers * 3600.0 / mean_s,
        planned_s=min(ends) if ends else None,
        over_limit=0.0 if limit is None else float((seconds > limit).mean()),
    )


def _time_one(
    evaluator: Evaluator,
    word: str,
    subject: tuple[Architecture, Mapping[str, float]],
    *,
    seconds: float,
    seed: int,
) -> TimedTrial:
    """Train for growing shares while there is time; at least two, or there is no difference."""
    architecture, costs = subject
    started_s = time.monotonic()
    points: list[tuple[float, float]] = []
    share = FIRST_SHARE
    while True:
        result, spent_s = _evaluate(evaluator, subject, share=share, seed=seed)
        if result.state is TrialState.FAILED:
            message = "" if result.failure is None else result.failure.message
            return TimedTrial(word, architecture, costs, 0.0, share, message or "failed")
        points.append((share, spent_s))
        left_s = seconds - (time.monotonic() - started_s)
        if share >= 1.0 or (len(points) > 1 and GROWTH * spent_s > left_s):
            break
        share = min(1.0, GROWTH * share)
    return TimedTrial(word, architecture, costs, extrapolate(points), share)


def extrapolate(points: Sequence[tuple[float, float]]) -> float:
    """Return the seconds of a whole trial.

    Args:
        points: share of the training budget and seconds, shares rising; the last two count.

    >>> extrapolate([(0.25, 2.0), (0.5, 3.0)])
    5.0
    """
    share, seconds = points[-1]
    if share >= 1.0 or len(points) == 1:
        return seconds / share
    before_share, before_s = points[-2]
    slope = max(0.0, seconds - before_s) / (share - before_share)
    return seconds + slope * (1.0 - share)


def _evaluate(
    evaluator: Evaluator,
    subject: tuple[Architecture, Mapping[str, float]],
    *,
    share: float,
    seed: int,
) -> tuple[TrialResult, float]:
    architecture, costs = subject
    spec = TrialSpec(
        number=0,
        architecture=architecture,
        seed=derive_seed(seed, "trial", architecture.id),
        static_costs=costs,
        budget=share,
    )
    started_s = time.perf_counter()
    result = evaluator.evaluate(spec)
    return result, time.perf_counter() - started_s
