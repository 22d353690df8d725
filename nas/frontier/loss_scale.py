"""On which scale is a loss modelled, and what is a step on that scale worth?

A Gaussian process wants values of like size: one broken network among good ones would set its
scale. So losses much worse than the median are compressed by a logarithm (output warping). They
are not cut off: the smallest networks of a space may be far worse than the median and still stand
on the front, with much of its volume between them. Hypervolume is counted on the original scale:
`OutputWarp` says how many times steeper that is, piece by piece.

Notation, for each of d losses y:
    knot     t = median + REACH * (median - best tenth): where the warping begins
    unit     s = SOFTNESS * (median - best tenth): how soon it compresses
    excess   x = (y - t)+ / s; the warped loss is min(y, t) + s log(1 + x)
    mean, sd of the warped losses; the models see (warped loss - mean) / sd
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Losses worse than the median by more than this many times its distance to the best tenth are
# warped; by the logarithm of the excess in units of so many such distances.
REACH, SOFTNESS = 3.0, 0.1
# The warped scale is taken as linear between these places, in those units, and beyond the last.
KNOTS = np.array([0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
# Keeps the exponential finite for what is expected far beyond all losses seen.
MAX_EXCESS = 30.0


@dataclass(frozen=True)
class OutputWarp:
    """How the original scale follows from the warped one.

    Attributes:
        knots: (k,) places on the warped scale, ascending.
        slopes: (k,) how much steeper the original scale is right of each; left of all it is 1.
    """

    knots: FloatArray
    slopes: FloatArray


class LossScale:
    """The scale on which losses have mean 0 and standard deviation 1, and bad ones are near.

    Args:
        losses: (n, d) of all results, n at least 1; lower is better.
    """

    def __init__(self, losses: FloatArray) -> None:
        best, middle = np.quantile(losses, [0.1, 0.5], axis=0)
        spread = losses.std(axis=0)
        distance = np.where(middle > best, middle - best, np.where(spread > 0.0, spread, 1.0))
        self._knot = middle + REACH * (middle - best)
        self._unit = SOFTNESS * distance
        warped = self._warped(losses)
        spread = warped.std(axis=0)
        self._mean = warped.mean(axis=0)
        self._sd = np.where(spread > 0.0, spread, 1.0)

    def __call__(self, losses: FloatArray) -> FloatArray:
        """Return losses (..., d) on this scale."""
        return np.asarray((self._warped(losses) - self._mean) / self._sd)

    def straight(self, scaled: FloatArray) -> FloatArray:
        """Return the losses (..., d) that stand at these places."""
        warped = scaled * self._sd + self._mean
        excess = np.clip((warped - self._knot) / self._unit, 0.0, MAX_EXCESS)
        return np.asarray(np.minimum(warped, self._knot) + self._unit * np.expm1(excess))

    def steepness(self, losses: FloatArray) -> FloatArray:
        """Return how far this scale moves (..., d) for a step in these losses."""
        excess = np.maximum(losses - self._knot, 0.0) / self._unit
        return np.asarray(1.0 / ((1.0 + excess) * self._sd))

    @property
    def sd(self) -> FloatArray:
        """What 1 on this scale is in losses (d), where it is not warped."""
        return self._sd

    @property
    def knot(self) -> FloatArray:
        """Where on this scale (d) the warping begins."""
        return np.asarray((self._knot - self._mean) / self._sd)

    def warps(self) -> list[OutputWarp]:
        """Return the warp of each of the d losses."""
        steepness = np.diff(np.expm1(KNOTS)) / np.diff(KNOTS)
        slopes = np.append(steepness, steepness[-1])
        places = self.knot[:, None] + (self._unit / self._sd)[:, None] * KNOTS
        return [OutputWarp(knots, slopes) for knots in places]

    def _warped(self, losses: FloatArray) -> FloatArray:
        excess = np.maximum(losses - self._knot, 0.0) / self._unit
        return np.asarray(np.minimum(losses, self._knot) + self._unit * np.log1p(excess))
