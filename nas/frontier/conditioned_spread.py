"""How unsure is the model of candidates while more and more of them are counted as running?

Notation as in `nas.frontier.gaussian_process`.
"""

import numpy as np
from numpy.typing import NDArray

from nas.frontier.gaussian_process import Posterior

FloatArray = NDArray[np.float64]


class ConditionedSpread:
    """The uncertainty at given rows while more and more of them are counted as seen.

    Each row counted costs O(n m): the next column of Cholesky's factor (R&W, section A.3 and 2.2).

    Args:
        posterior: what was seen before, n results.
        features: (m, columns) the rows.
        capacity: how many of them may be counted.
        known_noise: (m,) variances that results at the rows have beside the noise.
    """

    def __init__(
        self,
        posterior: Posterior,
        features: FloatArray,
        *,
        capacity: int,
        known_noise: FloatArray | float = 0.0,
    ) -> None:
        half = posterior.whitened_at(features)
        self._noise = np.broadcast_to(posterior.noise + known_noise, len(features))
        self._prior = posterior.kernel.covariance(features, features, posterior.theta)
        self._half = np.zeros((len(half) + capacity, len(features)))
        self._half[: len(half)] = half
        self._filled = len(half)
        prior = posterior.kernel.variance(posterior.theta)
        self._variance = prior - np.einsum("ij,ij->j", half, half)

    @property
    def sd(self) -> FloatArray:
        """Standard deviations (m) now, without noise."""
        return np.asarray(np.sqrt(np.maximum(self._variance, 1e-10)))

    def count(self, index: int) -> None:
        """Count one row as seen."""
        half = self._half[: self._filled]
        column = self._prior[index] - half[:, index] @ half
        column /= np.sqrt(max(float(self._variance[index]), 0.0) + self._noise[index])
        self._half[self._filled] = column
        self._filled += 1
        self._variance = self._variance - column**2
