"""Which part of an axis do the points of a picture need? A few bad outliers may lie outside."""

import math
from collections.abc import Sequence

import numpy as np

from nas.metric import Direction
from nas.objective import Objective
from nas.report.front import FloatArray
from nas.report.style import decades_of

_OUTLIERS = 0.05  # share of the points that may lie outside the picture at its bad end,
_WORTH_CUTTING = 1.6  # where that makes the rest larger by this factor
_FEWEST = 8  # points of which one may lie outside; of fewer, none
_PADDING = 0.07  # of the axis, at both ends


def axis_range(
    objective: Objective, values: Sequence[float], kept: Sequence[float]
) -> tuple[float, float]:
    """Return the ends of an axis, padded.

    Outliers are judged as drawn: by their logarithm where the axis has one.

    Args:
        objective: what the axis shows; outliers are left out at its bad end alone.
        values: of all points, finite, at least one; positive where the axis is logarithmic.
        kept: of the points that must lie inside.
    """
    log = decades_of(objective, values) is not None
    low, high = _without_outliers(_places(values, log), _places(kept, log), objective.direction)
    pad = _PADDING * (high - low)
    if pad == 0.0:
        pad = math.log(2.0) if log else max(abs(high) * 0.1, 0.5)
    ends = (low - pad, high + pad)
    return (math.exp(ends[0]), math.exp(ends[1])) if log else ends


def _places(values: Sequence[float], log: bool) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    return np.log(array) if log else array


def _without_outliers(
    values: FloatArray,
    kept: FloatArray,
    direction: Direction,
) -> tuple[float, float]:
    flip = -1.0 if direction is Direction.MAXIMIZE else 1.0
    bad_last = np.sort(flip * values)
    best, worst = float(bad_last[0]), float(bad_last[-1])
    num_out = max(int(_OUTLIERS * len(bad_last)), 1 if len(bad_last) >= _FEWEST else 0)
    cut = float(bad_last[len(bad_last) - 1 - num_out])
    if len(kept):
        cut = max(cut, float(np.max(flip * kept)))
    end = cut if worst - best > _WORTH_CUTTING * (cut - best) and cut > best else worst
    low, high = sorted((flip * best, flip * end))
    return low, high
