"""From where on does a point count? A floor is a corner that points must be better than.

Trivial models (the most frequent class, a linear classifier) are floors: what is no better than
these is of no use, however small. A floor that nothing beats yet does not count, or there would be
nothing to compare.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nas.pareto.dominance import FloatArray


def counting_floor(table: FloatArray, floors: Sequence[Sequence[float]]) -> FloatArray:
    """Return the strictest floor (m,) that a point is better than; infinite where none counts.

    Args:
        table: (n, m) losses, lower is better.
        floors: each m losses; infinite where it says nothing of an objective.
    """
    none = np.full(table.shape[1], np.inf)
    beaten = [floor for floor in floors if is_above(table, np.asarray(floor)).any()]
    fewest = min(beaten, key=lambda f: is_above(table, np.asarray(f)).sum(), default=none)
    return np.asarray(fewest, dtype=np.float64)


def is_above(table: FloatArray, floor: FloatArray) -> NDArray[np.bool_]:
    """Say of each point (n,) whether it is better than a floor wherever that says something."""
    return np.asarray(((table < floor) | np.isposinf(floor)).all(axis=1))
