"""How much of the objective space counts? A scale for each objective, and a point up to which.

Counts (bytes, parameters, multiply-accumulates) and costs that span a factor of ten enter by their
logarithm: taken as they are only the largest networks would count. Volumes reach from a front to
its worst value of each objective and a tenth of its range beyond, so that its extreme points count
too; what is worse than that adds nothing. Of several fronts the worst values of all count, so that
each of them has a volume. Where there is a floor, such as the accuracy of a linear classifier,
volumes reach to the floor instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.metric import Direction, is_count
from nas.objective import Objective
from nas.pareto.dominance import FloatArray, front_mask
from nas.pareto.floor import counting_floor, is_above
from nas.pareto.hypervolume import hypervolume

_MARGIN = 0.1
# A cost that is known beforehand counts by its logarithm where it spans this factor.
_WIDE_SPAN = 10.0


@dataclass(frozen=True)
class Yardstick:
    """What volumes are measured against.

    Attributes:
        is_log: (m,) which losses enter by their logarithm.
        reference: (m,) the point up to which volumes reach, on that scale.
        whole: volume of the front of all points that the yardstick was made from.
    """

    is_log: NDArray[np.bool_]
    reference: FloatArray
    whole: float

    def on_scale(self, table: FloatArray) -> FloatArray:
        """Return losses (n, m) as volumes see them."""
        return _on_scale(table, self.is_log)

    def share(self, points: FloatArray) -> float:
        """Return the share of the whole that points (n, m), on this scale, dominate."""
        within = points[(points <= self.reference).all(axis=1)]
        return hypervolume(within, reference=self.reference) / self.whole if len(within) else 0.0


def yardstick_from(
    tables: Sequence[FloatArray],
    objectives: Sequence[Objective],
    *,
    floors: Sequence[Sequence[float]] = (),
) -> Yardstick | None:
    """Return what the points of some tables compare by; None if there are none.

    Args:
        tables: (n, m) losses each, lower is better; the front of each has a volume.
        objectives: (m,) of the columns.
        floors: losses from which on a point counts; the strictest that a point is better than.
    """
    table = np.concatenate([np.empty((0, len(objectives))), *tables])
    if len(table) == 0:
        return None
    is_log = np.array([_is_wide(o, column) for o, column in zip(objectives, table.T, strict=True)])
    points = _on_scale(table, is_log)
    floor = counting_floor(table, floors)
    is_counted = is_above(table, floor)
    front = points[front_mask(points) & is_counted]
    ends = np.cumsum([len(one) for one in tables])[:-1]
    is_member = np.concatenate([front_mask(one) for one in np.split(points, ends)])
    members = points[is_member & is_counted]
    low, high = members.min(axis=0), members.max(axis=0)
    spread = np.where(high > low, high - low, np.maximum(np.abs(high), 1.0))
    reference = np.where(np.isposinf(floor), high + _MARGIN * spread, floor)
    return Yardstick(is_log, reference, hypervolume(front, reference=reference))


def _is_wide(objective: Objective, values: FloatArray) -> bool:
    if objective.direction is not Direction.MINIMIZE:
        return False
    is_wide = values.min() > 0.0 and values.max() >= _WIDE_SPAN * values.min()
    return is_count(objective.metric) or bool(objective.is_static and is_wide)


def _on_scale(table: FloatArray, is_log: NDArray[np.bool_]) -> FloatArray:
    # Nothing at all is a count too, and counts as one.
    return np.where(is_log, np.log10(np.where(is_log & (table > 0.0), table, 1.0)), table)
