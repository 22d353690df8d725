"""How sure are the numbers of a few retrainings?

Three retrainings say little about their own spread: Student's t with two degrees of freedom is 4.3
deviations wide, and three equal accuracies would promise an interval of no width at all. Winners
are many, though, and their spreads are alike once the binomial part is taken out, so each one
borrows strength from the others: moderated variances (Smyth 2004, "Linear models and empirical
Bayes methods", section 3), with the scaled inverse chi-square prior estimated from all winners.

The intervals are about chance in training, on this test split. How much another test split
would differ is the binomial spread, which is reported separately (`sampling_std`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, special, stats

_ROUNDING = 1e-6  # share of a number below which differences are those of 32-bit floats


@dataclass(frozen=True)
class Estimate:
    """A quantity over several retrainings.

    Attributes:
        values: one for each retraining.
        mean: of the values.
        std: their sample deviation; NaN for one value.
        half_confidence: half the width of the 95 % interval for the mean; NaN for one value.
        half_prediction: likewise for one further retraining.
        mean_std: deviation of the mean, moderated; NaN for one value.
        dof: degrees of freedom of the two intervals, own ones and borrowed ones.
        is_share: it lies within 0..1.
    """

    values: tuple[float, ...]
    mean: float
    std: float
    half_confidence: float
    half_prediction: float
    mean_std: float
    dof: float
    is_share: bool = True

    @property
    def prediction(self) -> tuple[float, float]:
        """Where one further retraining falls with 95 %; NaN for one value."""
        return self._around_mean(self.half_prediction)

    @property
    def confidence(self) -> tuple[float, float]:
        """Where the mean of many retrainings lies with 95 %; NaN for one value."""
        return self._around_mean(self.half_confidence)

    def _around_mean(self, half: float) -> tuple[float, float]:
        low, high = self.mean - half, self.mean + half
        if math.isnan(half) or not self.is_share:
            return low, high
        return max(0.0, low), min(1.0, high)


@dataclass(frozen=True)
class Prior:
    """What the spreads of all winners say about the next one's.

    Attributes:
        dispersion: typical variance, in multiples of the binomial one.
        dof: how many degrees of freedom that knowledge is worth.
    """

    dispersion: float
    dof: float


def estimate_shares(
    groups: Sequence[Sequence[float]], *, num_examples: int, level: float = 0.95
) -> list[Estimate]:
    """Return an estimate for each group of shares, such as accuracies on one test split.

    Args:
        groups: for each winner one share for each retraining, counted on `num_examples`.
        num_examples: examples of the test split.
        level: of the intervals.
    """
    units = [_binomial_variance(group, num_examples) for group in groups]
    # Shares come in steps of 1 / n; a step hides a variance of its square over twelve, which is
    # added, so that equal values do not look like no spread (Sheppard's correction, to the safe
    # side).
    hidden = num_examples**-2 / 12
    return _estimate_all(groups, units=units, hidden=hidden, level=level, is_share=True)


def estimate_values(groups: Sequence[Sequence[float]], *, level: float = 0.95) -> list[Estimate]:
    """Return an estimate for each group of numbers that are no shares, such as losses.

    All groups are taken to spread alike, but for chance.

    Args:
        groups: for each winner one number for each retraining.
        level: of the intervals.
    """
    largest = max((abs(value) for group in groups for value in group), default=0.0)
    hidden = (_ROUNDING * largest) ** 2 + np.finfo(float).tiny
    units = [1.0] * len(groups)
    return _estimate_all(groups, units=units, hidden=hidden, level=level, is_share=False)


def fit_prior(dispersions: Sequence[float], dofs: Sequence[int]) -> Prior:
    """Return the prior of the dispersions, by matching mean and variance of their logarithms.

    The borrowed degrees of freedom never exceed those of the other winners together: a few that
    look alike by chance do not prove that all are. One winner has nobody to borrow from.

    Args:
        dispersions: above 0, one for each winner with two or more retrainings.
        dofs: their degrees of freedom.
    """
    if len(dispersions) < 2:
        return Prior(1.0, 0.0)
    half = np.asarray(dofs, dtype=float) / 2
    logs = np.log(dispersions) - special.digamma(half) + np.log(half)
    excess = float(np.var(logs, ddof=1) - np.mean(special.polygamma(1, half)))
    most = float(sum(dofs) - sum(dofs) / len(dofs))
    if excess <= 0:
        return Prior(float(np.exp(np.mean(logs))), most)
    own = _inverse_trigamma(excess)
    dispersion = float(np.exp(np.mean(logs) + special.digamma(own) - math.log(own)))
    return Prior(dispersion, min(2 * own, most))


def differs_by(one: Estimate, other: Estimate, *, level: float = 0.95) -> float:
    """Return the difference of means that chance alone exceeds in 1 - `level` of cases.

    Welch's t; NaN where a network was retrained only once.
    """
    variances = (one.mean_std**2, other.mean_std**2)
    total = sum(variances)
    if math.isnan(total) or total == 0.0:
        return total
    dof = total**2 / (variances[0] ** 2 / one.dof + variances[1] ** 2 / other.dof)
    return float(stats.t.ppf(0.5 + level / 2, dof) * math.sqrt(total))


def sampling_std(share: float, *, num_examples: int) -> float:
    """Return the binomial deviation of a share: how much it would move on another test split."""
    return math.sqrt(_smoothed(share, num_examples) / num_examples)


def _estimate_all(
    groups: Sequence[Sequence[float]],
    *,
    units: Sequence[float],
    hidden: float,
    level: float,
    is_share: bool,
) -> list[Estimate]:
    """Return estimates whose spreads are alike once divided by their units."""
    spreads = [_dispersion(g, u, hidden) for g, u in zip(groups, units, strict=True)]
    prior = fit_prior(
        [s for s in spreads if not math.isnan(s)], [len(g) - 1 for g in groups if len(g) > 1]
    )
    found = [
        _estimate(group, spread, unit, prior, level)
        for group, spread, unit in zip(groups, spreads, units, strict=True)
    ]
    return [replace(estimate, is_share=is_share) for estimate in found]


def _estimate(
    group: Sequence[float], dispersion: float, unit: float, prior: Prior, level: float
) -> Estimate:
    count, mean = len(group), float(np.mean(group))
    if count < 2:
        nan = math.nan
        return Estimate(tuple(group), mean, nan, nan, nan, nan, 0.0)
    dof = count - 1 + prior.dof
    shrunk = (prior.dof * prior.dispersion + (count - 1) * dispersion) / dof
    spread = math.sqrt(shrunk * unit)
    quantile = float(stats.t.ppf(0.5 + level / 2, dof))
    return Estimate(
        values=tuple(group),
        mean=mean,
        std=float(np.std(group, ddof=1)),
        half_confidence=quantile * spread / math.sqrt(count),
        half_prediction=quantile * spread * math.sqrt(1 + 1 / count),
        mean_std=spread / math.sqrt(count),
        dof=dof,
    )


def _smoothed(share: float, num_examples: int) -> float:
    """Return p (1 - p) with one success and one failure added, so that it is never 0."""
    smoothed = (share * num_examples + 1) / (num_examples + 2)
    return smoothed * (1 - smoothed)


def _binomial_variance(group: Sequence[float], num_examples: int) -> float:
    return _smoothed(float(np.mean(group)), num_examples) / num_examples


def _dispersion(group: Sequence[float], unit: float, hidden: float) -> float:
    """Return the variance and the part that rounding hides, in units; NaN for one value."""
    if len(group) < 2:
        return math.nan
    return (float(np.var(group, ddof=1)) + hidden) / unit


def _inverse_trigamma(value: float) -> float:
    """Return x with trigamma(x) = value, for value > 0; trigamma falls from infinity to 0."""
    return float(
        optimize.brentq(lambda x: float(special.polygamma(1, x)) - value, 1e-8, 1 / value + 1.0)
    )
