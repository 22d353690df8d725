"""How much of the objective space does a set of points dominate?

A thin wrapper over `moocore` (Fonseca, Paquete, López-Ibáñez 2006), in loss form: lower is better.

Notation: n points, m objectives; losses (n, m); reference (m,), the corner that bounds the volume
at its worst end.
"""

import moocore
import numpy as np
from numpy.typing import ArrayLike

from nas.errors import InvalidObjectivesError
from nas.pareto.dominance import checked_losses


def hypervolume(losses: ArrayLike, *, reference: ArrayLike) -> float:
    """Return the volume that a set of points dominates, in loss form.

    Args:
        losses: (n, m) loss values, lower is better; duplicates and dominated rows change nothing.
        reference: (m,) a point no better than any row in any column.

    Returns:
        The volume; 0.0 for an empty set.

    Raises:
        InvalidObjectivesError: a value is NaN, or a row is worse than `reference` somewhere.

    >>> hypervolume([[1.0, 2.0], [2.0, 1.0]], reference=[3.0, 3.0])
    3.0
    """
    table = checked_losses(losses)
    corner = np.asarray(reference, dtype=np.float64).reshape(-1)
    if not np.isfinite(corner).all():
        raise InvalidObjectivesError(f"the reference {corner.tolist()} is not finite")
    if len(table) == 0:
        return 0.0
    if table.shape[1] != len(corner):
        raise InvalidObjectivesError(
            f"points have {table.shape[1]} objectives, but the reference has {len(corner)}"
        )
    worse = (table > corner).any(axis=1)
    if worse.any():
        row = int(np.flatnonzero(worse)[0])
        raise InvalidObjectivesError(
            f"point {row} at {table[row].tolist()} is worse than the reference {corner.tolist()}; "
            "leave such points out or move the reference"
        )
    if table.shape[1] == 1:
        return float(corner[0] - table.min())
    return float(moocore.hypervolume(table, ref=corner))
