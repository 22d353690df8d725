"""Which member of the front to take: the knee, or the best within a limit.

Notation: n points, m objectives; losses (n, m), lower is better; the last column is the size.
"""

import numpy as np
from numpy.typing import ArrayLike

from nas.errors import InvalidObjectivesError
from nas.pareto.dominance import checked_losses, front_mask


def knee(losses: ArrayLike) -> int:
    """Return the index of the front member where giving up one objective stops paying.

    It is the member farthest below the plane through the best points, all objectives
    scaled to 0..1 over the front (Das 1999, "On characterizing the knee of the Pareto curve"): the
    least sum of scaled losses. Of a front of two both ends have the same sum; such ties go to the
    one that is nearer to the best of each loss, as shares of these.

    Args:
        losses: (n, m) loss values, lower is better; dominated points are never chosen.

    Raises:
        InvalidObjectivesError: there is no point, or a value is NaN.

    >>> knee([[0.0, 10.0], [1.0, 2.0], [5.0, 1.0]])
    1
    >>> knee([[-0.62, 704.0], [-0.68, 727.0]]), knee([[-0.80, 730.0], [-0.85, 2870.0]])
    (1, 0)
    """
    table = checked_losses(losses)
    members = np.flatnonzero(front_mask(table))
    if len(members) == 0:
        raise InvalidObjectivesError("there is no knee: the front is empty")
    front = table[members]
    low, high = front.min(axis=0), front.max(axis=0)
    scaled = (front - low) / np.where(high > low, high - low, 1.0)
    apart = ((front - low) / np.where(low == 0, 1.0, np.abs(low))).sum(axis=1)
    return int(members[np.lexsort((front[:, -1], apart, scaled.sum(axis=1).round(12)))[0]])


def best_under(losses: ArrayLike, *, column: int, limit: float, objective: int = 0) -> int | None:
    """Return the index of the best point within a limit, such as the best one under 5 MB.

    Args:
        losses: (n, m) loss values, lower is better.
        column: the objective that is limited, such as the size.
        limit: greatest loss allowed there, inclusive.
        objective: the objective to make best; ties go to the lower `column`.

    Returns:
        The index, or None if no point keeps the limit.

    Raises:
        InvalidObjectivesError: a value is NaN.
    """
    table = checked_losses(losses)
    within = np.flatnonzero(table[:, column] <= limit) if len(table) else np.zeros(0, dtype=int)
    if len(within) == 0:
        return None
    return int(within[np.lexsort((table[within, column], table[within, objective]))[0]])
