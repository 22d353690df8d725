"""One number for a set of architectures: which share of the true front's volume does it cover?

Losses are (-quality, log10 size). Both axes are scaled so that the true front spans 0 to 1; the
volume is measured up to `REFERENCE` on both, so the ends of the front count, and divided by the
true front's. Points beyond the reference add nothing.
"""

from dataclasses import dataclass

import numpy as np

from nas.pareto.dominance import front_mask
from nas.pareto.hypervolume import hypervolume

REFERENCE = 1.1


@dataclass(frozen=True)
class Scale:
    """The true front, as what all fronts are measured by.

    Attributes:
        low: (2,) best loss on the true front, per axis.
        high: (2,) worst loss on the true front, per axis.
        volume: of the true front, scaled, up to the reference.
    """

    low: np.ndarray
    high: np.ndarray
    volume: float

    def share(self, losses: np.ndarray) -> float:
        """Return the covered share of the true front's volume; losses are (n, 2)."""
        return _scaled_volume(losses, self.low, self.high) / self.volume


def scale_of(losses: np.ndarray) -> Scale:
    """Return the scale of a problem from all its architectures, or from its front alone."""
    front = losses[front_mask(losses)]
    low, high = front.min(axis=0), front.max(axis=0)
    return Scale(low, high, _scaled_volume(front, low, high))


def _scaled_volume(losses: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    scaled = (losses - low) / (high - low)
    inside = scaled[(scaled < REFERENCE).all(axis=1)]
    if not len(inside):
        return 0.0
    return float(hypervolume(inside, reference=np.array([REFERENCE, REFERENCE])))
