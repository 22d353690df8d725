"""Which part of the objectives' space is a search after?

The whole front, or the best network that the constraints allow. Measured objectives count from a
floor: a limit that every network must keep, or what trivial models reach.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.pareto.floor import counting_floor

FloatArray = NDArray[np.float64]

# The quantiles of size at which the first trainings are chosen. Few are best; the smallest network
# is always on the front, but where there is a floor that is above it; and the best network is
# among the largest.
START_QUANTILES = (0.0, 1 / 9, 4 / 9, 1.0)
_START_ABOVE_FLOOR = (2 / 9, 4 / 9, 2 / 3, 1.0)
_START_FOR_BEST = (1.0, 2 / 3, 1 / 3, 5 / 6)


@dataclass(frozen=True)
class Aim:
    """What counts.

    Attributes:
        is_best: the best network that is allowed is wanted, whatever it costs; else a front.
        limits: a loss for each objective of the study, in its order, which networks must keep;
            infinite for none. Empty: none at all.
        floors: the same for each trivial model; the strictest counts that a result is better than.
        begins_small: networks that the space recommends come small to large, behind the smallest
            of all, which gives a front soonest; else the surest first, as time may end early.
    """

    is_best: bool = False
    limits: tuple[float, ...] = ()
    floors: tuple[tuple[float, ...], ...] = ()
    begins_small: bool = False

    @property
    def start_quantiles(self) -> Sequence[float]:
        """Where among the sizes the first networks are chosen."""
        if self.is_best:
            return _START_FOR_BEST
        has_floor = bool(self.floors) or any(np.isfinite(self.limits))
        return _START_ABOVE_FLOOR if has_floor else START_QUANTILES

    def worst(self, losses: FloatArray, columns: Sequence[int]) -> FloatArray:
        """Return the worst losses (d,) that count; infinite where all do.

        Args:
            losses: (n, d) of the results, of the objectives at `columns`.
            columns: (d) places of the objectives in the study.
        """
        floors = [[floor[column] for column in columns] for floor in self.floors]
        worst = counting_floor(losses, floors)
        if self.limits:
            worst = np.minimum(worst, np.array(self.limits)[list(columns)])
        return worst
