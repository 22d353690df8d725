"""Is one group of runs better than another, or is it chance? Welch's interval of the difference.

Runs of a group differ by their seed alone, so their spread is the noise. The interval is that of
the difference of two means of unlike variance (Welch 1947, "The generalization of 'Student's'
problem when several different population variances are involved").
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from nas.report.comparison import Comparison, Group

_SURE = 0.95
_LEVEL = 5e-5  # difference of shares, which four digits would not show


@dataclass(frozen=True)
class Difference:
    """How far one mean lies above another one.

    Attributes:
        mean: of the difference.
        half_width: of its 95 % interval; NaN where one of the two has a single value.
    """

    mean: float
    half_width: float

    @property
    def is_known(self) -> bool:
        """Whether anything is known of the noise."""
        return not math.isnan(self.half_width)

    @property
    def is_more_than_noise(self) -> bool:
        """Whether 0 lies outside of the interval."""
        return self.is_known and abs(self.mean) > self.half_width


def difference(ours: Sequence[float], theirs: Sequence[float]) -> Difference:
    """Return how far the mean of the one lies above that of the other."""
    gap = float(np.mean(ours) - np.mean(theirs))
    if min(len(ours), len(theirs)) < 2:
        return Difference(gap, math.nan)
    parts = [float(np.var(values, ddof=1)) / len(values) for values in (ours, theirs)]
    error = math.sqrt(sum(parts))
    if error == 0.0:
        return Difference(gap, 0.0)
    spread = sum(p**2 / (len(v) - 1) for p, v in zip(parts, (ours, theirs), strict=True))
    freedom = error**4 / spread
    return Difference(gap, float(stats.t.ppf(0.5 + _SURE / 2, freedom)) * error)


def noise_lines(comparison: Comparison) -> list[str]:
    """Return what is known of the noise.

    For each group but the best: is the best ahead by more than the noise? And for each group with
    a seed twice: its spread may be too small.
    """
    shared = [line for line in map(_line_on_seeds, comparison.groups) if line is not None]
    if len(comparison.groups) < 2 or comparison.num_trials == 0:
        return shared
    best, *others = comparison.groups
    return [*(_sentence(best, other, comparison.num_trials) for other in others), *shared]


def _line_on_seeds(group: Group) -> str | None:
    counts = Counter(run.seed for run in group.runs if run.seed is not None)
    seed, number = max(counts.items(), key=lambda item: item[1], default=(None, 0))
    if number < 2:
        return None
    names = ", ".join(run.name for run in group.runs if run.seed == seed)
    return (
        f"{names} have the same seed, {seed}, so the spread of {group.label} may be less than the "
        "noise: repeat with other seeds to know it."
    )


def _sentence(best: Group, other: Group, num_trials: int) -> str:
    found = difference(*(_shares(group, num_trials) for group in (best, other)))
    ahead = f"{best.label} is ahead of {other.label} by {found.mean:.4f}"
    if not found.is_known and abs(found.mean) < _LEVEL:
        ahead = f"{best.label} and {other.label} are level"
    if not found.is_known:
        return f"{ahead}; a single run shows no noise: repeat each with other seeds to know more."
    verdict = "more than the noise" if found.is_more_than_noise else "within the noise"
    return f"{ahead} ± {found.half_width:.4f} (95 %): {verdict}."


def _shares(group: Group, num_trials: int) -> list[float]:
    return [float(growth.shares[num_trials - 1]) for growth in group.growths]
