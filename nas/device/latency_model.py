"""How long does a network take on a device, judged by a few networks that were measured there?

A network's time is the sum of its operators' times, and an operator's time is unknown but similar
to that of similar operators (`nas.device.similarity`). From the times of some networks follow
those of all operators, also of ones that were never measured. How much each part matters and how
noisy the measurements are is fitted too: the most likely values under wide priors.
Measurements far from what all others say count less.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from nas.device.operators import Operator
from nas.device.similarity import (
    LEVELS,
    USES,
    Counts,
    FloatArray,
    TimeOf,
    Traits,
    Uses,
    counts_matrix,
    covariance_parts,
    similarities,
)

# Priors of the parts' standard deviations, as shares of an average network's time: each may well
# be a third of it or a tenth. The noise is about 5 % of each time, or a few times more or less.
_PART, _COMMON, _NOISE = 0.3, 0.2, 0.05
_SPREAD = 1.5  # of the natural logarithms of variances
_LOWEST, _HIGHEST = -14.0, 4.0
# Degrees of freedom of Student's t: a measurement that is 4 standard deviations off counts a
# quarter.
_DEGREES = 4.0
_NUM_ROUNDS = 4
_NORMAL = 1.4826  # times the median of what is off is the standard deviation, were it normal
_LEAST_USUAL = 0.1
_LEAST_SHARE = 0.2  # of the mean time: noise of quicker networks shrinks no further
_JITTER = 1e-9


@dataclass(frozen=True)
class LatencyModel:
    """Times of networks and of their operators on one device.

    Attributes:
        networks: that were measured.
        times: (N,) their times, ms.
        log_variances: of the parts of the covariance, and of the noise.
        noise_scale: (N,) of each measurement's noise, as a multiple of the variance for an average
            network.
        known: models of the devices that it started from.
    """

    networks: tuple[Counts, ...]
    times: FloatArray
    log_variances: FloatArray
    noise_scale: FloatArray
    known: tuple["LatencyModel", ...] = ()
    _cache: dict[Operator, float] = field(default_factory=dict, repr=False)

    def predict(self, network: Counts) -> float:
        """Return the time of a network, ms; never below a twentieth of the quickest measured."""
        return self.network_ms(self.operators_ms(network))

    def network_ms(self, operators_ms: float) -> float:
        """Return the time of a network whose operators take so long together, ms."""
        return max(self._start + operators_ms, self._least)

    def operators_ms(self, operators: Counts) -> float:
        """Return the time of some operators, ms; may be below 0 where little is known."""
        new = [operator for operator in operators if operator not in self._cache]
        if new:
            self._cache.update(zip(new, self._times_of(new), strict=True))
        return float(sum(count * self._cache[o] for o, count in operators.items()))

    def operator_ms(self, operator: Operator) -> float:
        """Return the time of one run of an operator, ms; may be below 0 where little is known."""
        return self.operators_ms({operator: 1})

    @property
    def noise_share(self) -> float:
        """Standard deviation of one measurement, as a share of its time."""
        return float(np.exp(self.log_variances[-1] / 2))

    @cached_property
    def _problem(self) -> "_Problem":
        # Models of earlier versions know fewer levels: the last are left out.
        num_levels = (len(self.log_variances) - 2) // (len(USES) + len(self.known))
        return _Problem(self.networks, self.times, _times_of(self.known), num_levels=num_levels)

    @cached_property
    def _weights(self) -> FloatArray:
        """(N,) what each measured network adds to a prediction, per covariance."""
        return self._problem.solve(self.log_variances, self.noise_scale)[0]

    @cached_property
    def _start(self) -> float:
        common = float(np.exp(self.log_variances[-2]))
        return self._problem.scale_ms * common * float(self._weights.sum())

    @cached_property
    def _least(self) -> float:
        return 0.05 * float(self.times.min())

    @cached_property
    def _pulls(self) -> FloatArray:
        """(L levels, P, U) what each measured operator adds to the time of one alike, per use."""
        problem = self._problem
        weighted = problem.operator_uses * (problem.counts.T @ self._weights)[:, None]
        variances = np.exp(self.log_variances[:-2]).reshape(problem.operator_uses.shape[1], -1)
        return np.asarray(variances.T[:, None, :] * weighted)

    def _times_of(self, operators: Sequence[Operator]) -> list[float]:
        problem = self._problem
        levels = similarities(Traits.of(operators), problem.traits)[: problem.num_levels]
        prices = sum(level @ pull for level, pull in zip(levels, self._pulls, strict=True))
        times = problem.scale_ms * (problem.uses(operators) * prices).sum(axis=1)
        return [float(time) for time in times]


def prior_deviations(num_uses: int) -> FloatArray:
    """Return the likely standard deviations of the parts, of what is common, and of the noise."""
    return np.array([*[_PART] * (len(LEVELS) * num_uses), _COMMON, _NOISE])


def fit_latency_model(
    networks: Sequence[Counts], times_ms: Sequence[float], *, known: Sequence[LatencyModel] = ()
) -> LatencyModel:
    """Return the model of a device of which some networks were measured.

    Args:
        networks: how often each operator runs in each; at least 2.
        times_ms: above 0.
        known: models of other devices, from which this one starts.
    """
    from scipy.optimize import minimize  # a third of a second: only where a model is fitted

    times = np.asarray(times_ms, dtype=float)
    problem = _Problem(tuple(networks), times, _times_of(known))
    variances = problem.prior_means.copy()
    noise_scale = np.ones(len(times))
    for _ in range(_NUM_ROUNDS):
        found = minimize(
            problem.misfit,
            variances,
            args=(noise_scale,),
            jac=True,
            method="L-BFGS-B",
            bounds=[(_LOWEST, _HIGHEST)] * len(variances),
            options={"maxiter": 60},
        )
        variances = np.asarray(found.x)
        noise_scale = problem.noise_scale(variances, noise_scale)
    return LatencyModel(tuple(networks), times, variances, noise_scale, tuple(known))


def _times_of(known: Sequence[LatencyModel]) -> tuple[TimeOf, ...]:
    return tuple(model.operator_ms for model in known)


class _Problem:
    """What does not change while the variances are fitted."""

    def __init__(
        self,
        networks: tuple[Counts, ...],
        times: FloatArray,
        known: tuple[TimeOf, ...],
        *,
        num_levels: int = len(LEVELS),
    ) -> None:
        self.num_levels = num_levels
        self.operators = list(dict.fromkeys(o for counts in networks for o in counts))
        self.uses = Uses.of(networks, known)
        self.counts = counts_matrix(networks, self.operators)
        self.operator_uses = self.uses(self.operators)
        side = (self.counts, self.operator_uses)
        self.traits = Traits.of(self.operators)
        levels = similarities(self.traits, self.traits)[:num_levels]
        self.parts = covariance_parts(side, side, levels)
        self.scale_ms = float(times.mean())
        self.shares = times / self.scale_ms
        self.prior_means = 2 * np.log(prior_deviations(self.operator_uses.shape[1]))

    def covariance(self, log_variances: FloatArray, noise_scale: FloatArray) -> FloatArray:
        """Return (N, N) of the measurements."""
        variances = np.exp(log_variances)
        matrix = np.tensordot(variances[:-1], self.parts, 1)
        noise = variances[-1] * noise_scale + _JITTER
        return np.asarray(matrix + np.diag(noise))

    def solve(
        self, log_variances: FloatArray, noise_scale: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the inverse covariance times the measurements, and its own diagonal."""
        inverse = np.linalg.inv(self.covariance(log_variances, noise_scale))
        return inverse @ self.shares, np.diag(inverse)

    def noise_scale(self, log_variances: FloatArray, noise_scale: FloatArray) -> FloatArray:
        """Return the scale of each measurement's noise, by what the others say of its network.

        It grows with the predicted time, not with the measured one, which may be an accident, and
        with how far the two are apart: so a robust Student's t is fitted by weights. What the
        others say is known in closed form (Rasmussen, Williams 2006, section 5.4.2).
        """
        weights, precisions = self.solve(log_variances, noise_scale)
        off = weights / precisions
        # Of all that is off the usual is the median: one gross fault must not be its own measure.
        standard = np.abs(off) * np.sqrt(precisions)
        squares = (standard / max(_NORMAL * float(np.median(standard)), _LEAST_USUAL)) ** 2
        expected = np.maximum(self.shares - off, _LEAST_SHARE)
        return np.asarray(expected**2 * np.maximum((_DEGREES + squares) / (_DEGREES + 1), 1.0))

    def misfit(
        self, log_variances: FloatArray, noise_scale: FloatArray
    ) -> tuple[float, FloatArray]:
        """Return minus the log posterior of the variances, and its gradient."""
        covariance = self.covariance(log_variances, noise_scale)
        inverse = np.linalg.inv(covariance)
        weights = inverse @ self.shares
        off = (log_variances - self.prior_means) / _SPREAD
        value = self.shares @ weights + np.linalg.slogdet(covariance)[1] + off @ off
        pull = inverse - np.outer(weights, weights)
        variances = np.exp(log_variances)
        gradient = np.append(
            np.tensordot(self.parts, pull, 2) * variances[:-1],
            variances[-1] * (np.diag(pull) * noise_scale).sum(),
        )
        return 0.5 * float(value), 0.5 * gradient + off / _SPREAD
