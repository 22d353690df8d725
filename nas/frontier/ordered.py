"""Which choices are numbers, and how far are their options apart?

A learning rate or a width that is given as a list of values, or as a column of a table, is no set
of names: its options stand in an order, at distances.
"""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Value
from nas.space.parameters import Choice, Domain

FloatArray = NDArray[np.float64]

# Two options have no order that a model could use.
MIN_OPTIONS = 3
# So many choices among the same options are like positions of a network: which option stands
# where tells more than their order, and numbers may be names of operations.
NUM_LIKE = 3


def numbers_apart(domains: Sequence[Domain]) -> set[int]:
    """Return the places of the choices among numbers that few others share: widths, a depth."""
    choices = {i: d.options for i, d in enumerate(domains) if isinstance(d, Choice)}
    num_like = Counter(choices.values())
    return {
        i
        for i, options in choices.items()
        if num_like[options] < NUM_LIKE and ordered_places(options) is not None
    }


def ordered_places(options: Sequence[Value]) -> FloatArray | None:
    """Return the place of each option on 0..1; None where the options are names.

    Numbers that are written as text count as numbers. Their logarithms are taken where these
    stand more evenly than the numbers themselves.

    >>> ordered_places(["0.001", "0.01", "0.1"]), ordered_places([8, 16, 24])
    (array([0. , 0.5, 1. ]), array([0. , 0.5, 1. ]))
    >>> ordered_places(["relu", "tanh", "gelu"]) is None
    True
    """
    numbers = [_number(option) for option in options]
    found = [number for number in numbers if number is not None]
    if len(found) < max(len(options), MIN_OPTIONS) or len(set(found)) < len(found):
        return None
    values = np.array(found)
    scales = [values]
    if values.min() > 0.0:
        scales.append(np.log(values))
    best = min(scales, key=_unevenness)
    return np.asarray((best - best.min()) / (best.max() - best.min()))


def _number(option: Value) -> float | None:
    if isinstance(option, bool):
        return None
    try:
        number = float(option)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _unevenness(values: FloatArray) -> float:
    """Return the standard deviation of the gaps, as a share of their mean."""
    gaps = np.diff(np.sort(values))
    return float(gaps.std() / gaps.mean())
