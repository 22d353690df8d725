"""A small Gaussian process over architectures: what accuracy to expect, and how sure to be.

The covariance is a sum of terms, each `A m(sum_b w_b |x_b - x'_b|^2)`, plus noise. Weights,
amplitudes and the noise have log-normal priors and are set where their posterior density is
highest.

Notation:
    x, x'    rows of features, `features` (n, columns): n architectures that have results
    b        a block of columns that share a weight: the one-hot code of a position, or one fact
    w_b, A   weight of a block, amplitude of a term; noise: variance of a result around its mean
    m        Matérn correlation of smoothness 5/2, of a squared distance
    theta    logarithms of all hyperparameters: weights term by term, amplitudes, noise
    y        `targets` (n,), standardised losses
    K, K*    covariances (n, n) of the results, with noise, and (k, n) of k new rows with them
    L        lower Cholesky factor of K; alpha = K^-1 y; "whitened" means multiplied by L^-1

Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, MIT Press 2006; (2.25) to
(2.26) and algorithm 2.1 for the prediction, (2.30) for the evidence, (5.9) for its gradient,
(4.17) for the correlation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_solve, cholesky, solve_triangular

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Priors of the hyperparameters, for standardised accuracies and features on 0..1: the factor of
# one standard deviation, and the median (a weight's are its block's and its kernel's). Found on
# open tables.
# The amplitudes' is tight: where one term explains the first results, the other must not vanish.
AMPLITUDE_SPREAD, NOISE_SPREAD = 1.3, 4.5
AMPLITUDE_MEDIAN, NOISE_MEDIAN = 0.6, 0.05
# Keeps the Cholesky factor defined where two rows are equal and the noise is near nothing.
JITTER = 1e-8
# Rows predicted at once: what they take stays in the processor's cache, which halves the time.
BLOCK = 512


@dataclass(frozen=True)
class Kernel:
    """Which columns share a weight, and which blocks a term.

    Attributes:
        blocks: block -> its columns.
        terms: term -> its blocks; a block may stand in several terms, with a weight in each.
        medians: block -> prior median of its weight.
        weight_spread: factor of one standard deviation of the weights' priors.
    """

    blocks: tuple[slice, ...]
    terms: tuple[tuple[int, ...], ...]
    medians: tuple[float, ...]
    weight_spread: float = 2.0

    @property
    def num_weights(self) -> int:
        """How many weights there are, over all terms."""
        return sum(len(term) for term in self.terms)

    @cached_property
    def _columns(self) -> list[tuple[IntArray, list[int]]]:
        """The columns of each term, and the widths of its blocks."""
        return [
            (
                np.concatenate(
                    [np.arange(self.blocks[i].start, self.blocks[i].stop) for i in term]
                ),
                [self.blocks[i].stop - self.blocks[i].start for i in term],
            )
            for term in self.terms
        ]

    @property
    def prior_mean(self) -> FloatArray:
        """Logarithms of the prior medians: weights term by term, amplitudes, noise."""
        medians = [self.medians[block] for term in self.terms for block in term]
        medians += [AMPLITUDE_MEDIAN] * len(self.terms) + [NOISE_MEDIAN]
        return np.asarray(np.log(medians))

    @property
    def prior_sd(self) -> FloatArray:
        """Standard deviations of the logarithms, in the same order."""
        counts = [self.num_weights, len(self.terms), 1]
        return np.repeat(np.log([self.weight_spread, AMPLITUDE_SPREAD, NOISE_SPREAD]), counts)

    def split(self, theta: FloatArray) -> tuple[list[FloatArray], FloatArray, float]:
        """Return the weights of each term, the amplitudes and the noise variance."""
        values = np.exp(theta)
        ends = np.cumsum([len(term) for term in self.terms])
        weights = np.split(values[: ends[-1]], ends[:-1])
        return weights, values[ends[-1] : -1], float(values[-1])

    def covariance(self, a: FloatArray, b: FloatArray, theta: FloatArray) -> FloatArray:
        """Return the covariances (n, m), without noise, of rows (n, columns) and (m, columns)."""
        weights, amplitudes, _ = self.split(theta)
        parts: list[FloatArray] = []
        for (columns, widths), weight, amplitude in zip(
            self._columns, weights, amplitudes, strict=True
        ):
            scale = np.sqrt(np.repeat(weight, widths))
            part = _matern(_squared_distances(a[:, columns] * scale, b[:, columns] * scale))
            part *= amplitude
            parts.append(part)
        total = parts[0]
        for part in parts[1:]:
            total += part
        return total

    def variance(self, theta: FloatArray) -> float:
        """Return the prior variance of the accuracy of any architecture, without noise."""
        return float(self.split(theta)[1].sum())


class Evidence:
    """The negative log posterior density of the hyperparameters, with its gradient.

    Args:
        kernel: the covariance.
        features: (n, columns) training rows.
        targets: (n,) standardised values.
        known_noise: (n,) variances of the targets that are known beside the noise.
    """

    def __init__(
        self,
        kernel: Kernel,
        features: FloatArray,
        targets: FloatArray,
        known_noise: FloatArray | float = 0.0,
    ) -> None:
        self._kernel = kernel
        self._targets = targets
        self._known_noise = known_noise
        every = np.empty((len(kernel.blocks), len(features) ** 2))
        for distances, block in zip(every, kernel.blocks, strict=True):
            distances[:] = _squared_distances(features[:, block], features[:, block]).ravel()
        self._distances = [every[_adjoining(term)] for term in kernel.terms]

    def __call__(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Return the value and its gradient (R&W 2.30 and 5.9, plus the prior)."""
        kernel, targets = self._kernel, self._targets
        count = len(targets)
        weights, amplitudes, noise = kernel.split(theta)
        sums = [weight @ d for weight, d in zip(weights, self._distances, strict=True)]
        shapes = [_matern(total) for total in sums]
        covariance = sum(a * s for a, s in zip(amplitudes, shapes, strict=True))
        matrix = np.asarray(covariance).reshape(count, count)
        matrix[np.diag_indices(count)] += noise + JITTER + self._known_noise
        try:
            factor = cholesky(matrix, lower=True, check_finite=False)
        except LinAlgError:
            return 1e10, np.zeros_like(theta)
        alpha = cho_solve((factor, True), targets, check_finite=False)
        inverse = cho_solve((factor, True), np.eye(count), check_finite=False)
        inner = (np.outer(alpha, alpha) - inverse).ravel()
        gradient = []
        for each, weight, amplitude, total in zip(
            self._distances, weights, amplitudes, sums, strict=True
        ):
            gradient.append(amplitude * weight * (each @ (inner * _matern_slope(total))))
        gradient.append(
            np.array([a * (inner @ s) for a, s in zip(amplitudes, shapes, strict=True)])
        )
        gradient.append(np.array([noise * inner[:: count + 1].sum()]))
        offset = (theta - kernel.prior_mean) / kernel.prior_sd
        value = 0.5 * targets @ alpha + np.log(np.diag(factor)).sum() + 0.5 * offset @ offset
        return float(value), offset / kernel.prior_sd - 0.5 * np.concatenate(gradient)


def fit(
    kernel: Kernel,
    features: FloatArray,
    targets: FloatArray,
    *,
    known_noise: FloatArray | float = 0.0,
    start: FloatArray | None = None,
    max_steps: int = 25,
) -> FloatArray:
    """Return the logarithms of the most probable hyperparameters, found by L-BFGS.

    Args:
        kernel: the covariance.
        features: (n, columns) training rows, n at least 1.
        targets: (n,) standardised values.
        known_noise: (n,) variances of the targets that are known beside the noise.
        start: where to begin; the prior's medians by default.
        max_steps: most steps taken.
    """
    from scipy.optimize import minimize  # a third of a second: only where a process is fitted

    evidence = Evidence(kernel, features, targets, known_noise)
    begin = kernel.prior_mean if start is None else start
    found = minimize(
        evidence, begin, jac=True, method="L-BFGS-B", options={"maxiter": max_steps, "maxcor": 10}
    )
    return np.asarray(found.x, dtype=np.float64)


class Posterior:
    """What the process expects after it has seen some values (R&W algorithm 2.1).

    Args:
        kernel: the covariance.
        theta: logarithms of the hyperparameters, from `fit`.
        features: (n, columns) rows seen; none gives the prior.
        targets: (n,) values seen.
        known_noise: (n,) variances of these that are known beside the noise.
    """

    def __init__(
        self,
        kernel: Kernel,
        theta: FloatArray,
        features: FloatArray,
        targets: FloatArray,
        known_noise: FloatArray | float = 0.0,
    ) -> None:
        self.kernel = kernel
        self.theta = theta
        self._features = features
        self.noise = kernel.split(theta)[2] + JITTER
        matrix = kernel.covariance(features, features, theta)
        matrix[np.diag_indices(len(matrix))] += self.noise + known_noise
        self._factor = cholesky(matrix, lower=True, check_finite=False)
        self._alpha = cho_solve((self._factor, True), targets, check_finite=False)

    def predict(self, features: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation of the value without noise, of each row."""
        mean, sd = np.empty(len(features)), np.empty(len(features))
        for first in range(0, len(features), BLOCK):
            rows = slice(first, first + BLOCK)
            mean[rows], sd[rows] = self._predict_block(features[rows])
        return mean, sd

    def _predict_block(self, features: FloatArray) -> tuple[FloatArray, FloatArray]:
        cross = self.kernel.covariance(features, self._features, self.theta)
        half = self._whitened(cross)
        variance = self.kernel.variance(self.theta) - np.einsum("ij,ij->j", half, half)
        return cross @ self._alpha, np.sqrt(np.maximum(variance, 1e-10))

    def mean(self, features: FloatArray) -> FloatArray:
        """Return the mean alone; cheaper."""
        cross = self.kernel.covariance(features, self._features, self.theta)
        return np.asarray(cross @ self._alpha)

    def whitened_at(self, features: FloatArray) -> FloatArray:
        """Return L^-1 K*^T (n, m) for m rows."""
        return self._whitened(self.kernel.covariance(features, self._features, self.theta))

    def _whitened(self, cross: FloatArray) -> FloatArray:
        return np.asarray(solve_triangular(self._factor, cross.T, lower=True, check_finite=False))

    def slope(self, direction: FloatArray) -> tuple[float, float]:
        """Return by how much values rise along a regressor, and its standard error.

        Generalised least squares with a constant; what the process explains counts as covariance
        (R&W 2.7). The error is infinite where the regressor does not vary.

        Args:
            direction: (n,) the regressor at the rows seen.
        """
        columns = np.column_stack([np.ones(len(direction)), direction])
        whitened = self._whitened(columns.T)
        ones, along = whitened[:, 0], whitened[:, 1]
        rest = along - ones * (ones @ along) / (ones @ ones)
        information = float(rest @ rest)
        if information <= 1e-12:
            return 0.0, np.inf
        values = self._factor.T @ self._alpha  # whitened
        return float(rest @ values) / information, information**-0.5

    def expecting(
        self, features: FloatArray, known_noise: FloatArray | float = 0.0
    ) -> "Posterior":
        """Return the process after it has also seen its own mean at more rows.

        The means stay what they are, the variances fall: how running trials are allowed for
        (Ginsbourger et al. 2010, "kriging believer").
        """
        if len(features) == 0:
            return self
        cross = self.kernel.covariance(features, self._features, self.theta)
        half = self._whitened(cross)
        rest = self.kernel.covariance(features, features, self.theta) - half.T @ half
        rest[np.diag_indices(len(rest))] += self.noise + known_noise
        corner = cholesky(rest, lower=True, check_finite=False)
        grown = object.__new__(Posterior)
        grown.kernel, grown.theta, grown.noise = self.kernel, self.theta, self.noise
        grown._features = np.vstack([self._features, features])
        size = len(self._features)
        grown._factor = np.zeros((len(grown._features),) * 2)
        grown._factor[:size, :size] = self._factor
        grown._factor[size:, :size] = half.T
        grown._factor[size:, size:] = corner
        # Seeing one's own mean moves no mean: the new rows get no weight.
        grown._alpha = np.concatenate([self._alpha, np.zeros(len(features))])
        return grown


def _adjoining(indices: Sequence[int]) -> slice | list[int]:
    """Return indices as a slice, which copies nothing, where they follow one another."""
    run = range(indices[0], indices[-1] + 1)
    return slice(run.start, run.stop) if list(run) == list(indices) else list(indices)


def _matern(squared: FloatArray) -> FloatArray:
    """Return the Matérn correlation of smoothness 5/2 at squared distances (R&W 4.17)."""
    # In place: with a hundred thousand entries, new arrays would take half of the time.
    root = 5.0 * squared
    np.sqrt(root, out=root)
    shape = root * (1.0 / 3.0)  # 1 + r + r^2 / 3 by Horner's rule
    shape += 1.0
    shape *= root
    shape += 1.0
    np.negative(root, out=root)
    shape *= np.exp(root, out=root)
    return shape


def _matern_slope(squared: FloatArray) -> FloatArray:
    """Return its derivative by the squared distance."""
    root = np.sqrt(5.0 * squared)
    return np.asarray(-5.0 / 6.0 * (1.0 + root) * np.exp(-root))


def _squared_distances(a: FloatArray, b: FloatArray) -> FloatArray:
    if a.shape[1] == 1:
        difference = a - b.T
        difference *= difference
        return np.asarray(difference)
    squares = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b)[None, :]
    squares -= 2.0 * a @ b.T
    return np.asarray(np.maximum(squares, 0.0, out=squares))


def equal_blocks(widths: Sequence[int]) -> tuple[slice, ...]:
    """Return adjoining blocks of columns of the given widths."""
    ends = np.cumsum([0, *widths]).tolist()
    return tuple(slice(a, b) for a, b in pairwise(ends))
