"""What to expect of a network's whole training, given what trainings had reached at their rungs?

A chain of steps: the loss at a rung tells the loss at the next one by a straight line and what the
line does not tell. The lines bring all results to the scale of whole trainings; since they are
fitted to trials that went on, and who goes on is decided by the loss at the lower rung, they are
regressions of the higher on the lower one, which that choice does not bias. What a line does not
tell is partly a property of the architecture, which like ones share, and partly the network's own.

Notation:
    R           rungs, the whole training being the last; x an architecture, k(x, x') the kernel
    v_r         1 + a_0 + .. + a_(r-1): how much k counts at rung r; a_r: what step r adds
    n_r         the same of a network's own part; n_0 is the noise of the first rung
    p           which part of a network's own part at one rung it still has at the others
    cov         of x at rung r and x' at rung s: v_min(r,s) k(x, x') + [x = x'] n_min(r,s) p, where
                p counts as 1 for r = s

Source: Kennedy and O'Hagan 2000, "Predicting the output from a complex computer code when fast
approximations are available", equation 1: a chain of models of rising cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular

from nas.frontier.gaussian_process import BLOCK, JITTER, Kernel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# A line counts as many pairs more that lie on the line through the mean with the slope of the
# standard deviations, and are off it by this share of the variance: two pairs tell little.
PRIOR_PAIRS, PRIOR_RESIDUE = 3.0, 0.3
# Shares of what a line does not tell that like architectures have in common.
SHARED = (0.1, 0.3, 0.5, 0.7, 0.9)
# Parts of what is a network's own at a rung that last.
LASTING = (0.25, 0.5, 1.0)
# With fewer pairs the middle ones are taken.
MIN_PAIRS = 10


@dataclass(frozen=True)
class Line:
    """How the loss at a rung follows from that at the rung before.

    Attributes:
        slope: of the line.
        offset: of the line.
        residue: variance of what the line does not tell.
    """

    slope: float
    offset: float
    residue: float

    def __call__(self, losses: FloatArray) -> FloatArray:
        """Return what the line tells."""
        return np.asarray(self.offset + self.slope * losses)


def fit_line(lower: FloatArray, higher: FloatArray, *, spread: float) -> Line:
    """Return the regression of losses at a rung on those at the rung before.

    Args:
        lower: (n) losses, n at least 0.
        higher: (n) losses of the same trials at the next rung.
        spread: standard deviation of all losses at the lower rung.
    """
    variance = max(spread, 1e-9) ** 2
    if not len(lower):
        return Line(1.0, 0.0, PRIOR_RESIDUE * variance)
    x, y = lower - lower.mean(), higher - higher.mean()
    prior = PRIOR_PAIRS * variance
    slope = float((x @ y + prior) / (x @ x + prior))
    rest = y - slope * x
    residue = (rest @ rest + PRIOR_PAIRS * PRIOR_RESIDUE * variance) / (len(x) + PRIOR_PAIRS)
    return Line(slope, float(higher.mean() - slope * lower.mean()), float(residue))


@dataclass(frozen=True)
class Steps:
    """How much each rung adds to what the first one tells, on the scale of the model.

    Attributes:
        kernel: (R) how much the kernel counts at each rung, from 1 on.
        own: (R) variance of a network's own part at each rung.
        lasting: which part of it the network still has at the other rungs.
    """

    kernel: FloatArray
    own: FloatArray
    lasting: float = 1.0


@dataclass(frozen=True)
class Seen:
    """Results at rungs.

    Attributes:
        features: (n, columns) of the architectures.
        keys: (n) numbers of the networks.
        rungs: (n) which rung, from 0.
        targets: (n) losses, brought to the scale of whole trainings.
    """

    features: FloatArray
    keys: IntArray
    rungs: IntArray
    targets: FloatArray

    def __len__(self) -> int:
        return len(self.keys)


class StepPosterior:
    """What is expected after results at rungs; has the methods of `Posterior` that plans use.

    Args:
        kernel: the covariance of architectures.
        theta: logarithms of its hyperparameters.
        steps: what each rung adds.
        seen: the results; at least one.
        base: (n, n) covariance of the architectures, where it is known.
    """

    def __init__(
        self,
        kernel: Kernel,
        theta: FloatArray,
        steps: Steps,
        seen: Seen,
        base: FloatArray | None = None,
    ) -> None:
        self.kernel = kernel
        self.theta = theta
        self.steps = steps
        self._seen = seen
        if base is None:
            base = kernel.covariance(seen.features, seen.features, theta)
        lower = np.minimum(seen.rungs[:, None], seen.rungs[None, :])
        same = seen.keys[:, None] == seen.keys[None, :]
        own = np.where(seen.rungs[:, None] == seen.rungs[None, :], 1.0, steps.lasting)
        matrix = base * steps.kernel[lower] + same * own * steps.own[lower]
        matrix[np.diag_indices(len(matrix))] += JITTER
        self._factor = cholesky(matrix, lower=True, check_finite=False)
        self._alpha = cho_solve((self._factor, True), seen.targets, check_finite=False)

    @property
    def log_evidence(self) -> float:
        """The logarithm of the density of the results, but for a constant."""
        fit = self._seen.targets @ self._alpha
        return float(-0.5 * fit - np.log(np.diag(self._factor)).sum())

    @property
    def _last(self) -> int:
        return len(self.steps.kernel) - 1

    def predict(self, features: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation of whole trainings of new networks (m, columns)."""
        mean, sd = np.empty(len(features)), np.empty(len(features))
        for first in range(0, len(features), BLOCK):
            rows = slice(first, first + BLOCK)
            mean[rows], sd[rows], _ = self._at(features[rows], None, None)
        return mean, sd

    def mean(self, features: FloatArray) -> FloatArray:
        """Return the mean alone."""
        return self.predict(features)[0]

    def foresee(
        self, features: FloatArray, keys: IntArray | None, rung: int
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return mean and standard deviation of whole trainings, and what a rung will tell of it.

        Args:
            features: (m, columns) of networks.
            keys: (m) their numbers, where they have results; None for new networks.
            rung: the rung whose result is going to be known; the last tells all.

        Returns:
            mean, sd, and the standard deviation of the mean that the result at the rung moves; at
            most sd.
        """
        parts = []
        for first in range(0, len(features), BLOCK):
            rows = slice(first, first + BLOCK)
            own = None if keys is None else keys[rows]
            parts.append(self._at(features[rows], own, rung))
        mean, sd, told = (np.concatenate(column) for column in zip(*parts, strict=True))
        return mean, sd, told

    def expecting(self, features: FloatArray) -> "StepPosterior":
        """Return the same after whole trainings of more rows have come out as expected."""
        if not len(features):
            return self
        count = len(features)
        more = Seen(
            np.vstack([self._seen.features, features]),
            np.concatenate([self._seen.keys, -1 - np.arange(count)]),
            np.concatenate([self._seen.rungs, np.full(count, self._last)]),
            np.concatenate([self._seen.targets, self.mean(features)]),
        )
        return StepPosterior(self.kernel, self.theta, self.steps, more)

    def _at(
        self, features: FloatArray, keys: IntArray | None, rung: int | None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        steps, seen = self.steps, self._seen
        base = self.kernel.covariance(features, seen.features, self.theta)
        same = np.zeros_like(base) if keys is None else keys[:, None] == seen.keys[None, :]
        total = self.kernel.variance(self.theta)
        lasting = np.where(seen.rungs == self._last, 1.0, steps.lasting)
        cross = base * steps.kernel[seen.rungs] + same * lasting * steps.own[seen.rungs]
        half = solve_triangular(self._factor, cross.T, lower=True, check_finite=False)
        # Of a network's own part, what the last step adds is left out: nothing predicts it.
        predictable = steps.lasting * steps.own[-2] if self._last else 0.0
        prior = total * steps.kernel[-1] + predictable
        variance = np.maximum(prior - np.einsum("ij,ij->j", half, half), 1e-10)
        mean = cross @ self._alpha
        if rung is None or rung == self._last:
            return mean, np.sqrt(variance), np.sqrt(variance)
        lower = np.minimum(rung, seen.rungs)
        lasting = np.where(seen.rungs == rung, 1.0, steps.lasting)
        there = base * steps.kernel[lower] + same * lasting * steps.own[lower]
        half_there = solve_triangular(self._factor, there.T, lower=True, check_finite=False)
        prior = total * steps.kernel[rung] + steps.own[rung]
        var_there = prior - np.einsum("ij,ij->j", half_there, half_there)
        prior -= (1.0 - steps.lasting) * steps.own[rung]
        shared = prior - np.einsum("ij,ij->j", half_there, half)
        told = np.abs(shared) / np.sqrt(np.maximum(var_there, 1e-10))
        return mean, np.sqrt(variance), np.minimum(told, np.sqrt(variance))


def steps_of(
    residues: Sequence[float],
    *,
    variance: float,
    noise: float,
    shared: float,
    lasting: float = 1.0,
) -> Steps:
    """Return what each rung adds.

    Args:
        residues: variance of what each line does not tell, on the scale of the model.
        variance: of the kernel.
        noise: of the first rung.
        shared: which part of the residues like architectures have in common.
        lasting: which part of a network's own part lasts.
    """
    added = np.concatenate([[0.0], np.cumsum(residues)])
    kernel = 1.0 + shared * added / max(variance, 1e-9)
    return Steps(kernel, noise + (1.0 - shared) * added, lasting)
