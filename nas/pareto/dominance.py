"""Which points no other point beats?

Everything here is in loss form: lower is better in every column. A point dominates another when
it is no worse in every column and better in one, so equal points do not dominate each other.
`front_mask` and `ranks` judge a whole array; `Front` is kept up to date point by point.

Notation: n points, m objectives; losses (n, m), one row for each point; the last column is the
size. Layer 0 is the front, layer 1 the front of the rest, and so on.
"""

from bisect import bisect_left
from collections.abc import Sequence

import moocore
import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.errors import InvalidObjectivesError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


def checked_losses(losses: ArrayLike) -> FloatArray:
    """Return the losses as an (n, m) float array; an empty list becomes (0, 1).

    Raises:
        InvalidObjectivesError: they are not a table, or a value is NaN.
    """
    table = np.asarray(losses, dtype=np.float64)
    if table.size == 0:
        return np.empty((0, table.shape[1] if table.ndim == 2 and table.shape[1] else 1))
    if table.ndim != 2:
        raise InvalidObjectivesError(
            f"losses must be a table (points x objectives), but got shape {table.shape}"
        )
    if np.isnan(table).any():
        row = int(np.flatnonzero(np.isnan(table).any(axis=1))[0])
        raise InvalidObjectivesError(
            f"losses of point {row} are {table[row].tolist()}; leave out points without a number"
        )
    return table


def front_mask(losses: ArrayLike) -> BoolArray:
    """Say for each point whether no other dominates it; both of two equal points are kept.

    Args:
        losses: (n, m) loss values, lower is better.

    Returns:
        (n,) booleans; O(n log n) for two and three objectives.

    Raises:
        InvalidObjectivesError: a value is NaN, or `losses` is no table.

    >>> front_mask([[1.0, 3.0], [2.0, 2.0], [3.0, 3.0]]).tolist()
    [True, True, False]
    """
    table = checked_losses(losses)
    if len(table) == 0:
        return np.zeros(0, dtype=np.bool_)
    if table.shape[1] == 1:
        return np.asarray(table[:, 0] == table[:, 0].min(), dtype=np.bool_)
    return np.asarray(moocore.is_nondominated(table, keep_weakly=True), dtype=np.bool_)


def ranks(losses: ArrayLike) -> IntArray:
    """Return each point's layer: 0 for the front, 1 for the front of the rest, and so on.

    Equal points share a layer (Deb et al. 2002, NSGA-II, section III-A).

    Raises:
        InvalidObjectivesError: a value is NaN, or `losses` is no table.
    """
    table = checked_losses(losses)
    if len(table) == 0:
        return np.zeros(0, dtype=np.int64)
    distinct, inverse = np.unique(table, axis=0, return_inverse=True)
    if table.shape[1] == 1:
        return np.asarray(inverse.reshape(-1), dtype=np.int64)
    layers = np.asarray(moocore.pareto_rank(distinct), dtype=np.int64)
    return np.asarray((layers - layers.min())[inverse.reshape(-1)], dtype=np.int64)


class Front:
    """The non-dominated set of the points added so far, each under a key (an identity).

    The first of several points with equal losses stands, and so does the first result of a key: a
    network that was found again does not stand on the front twice. With two objectives a point
    costs O(log n) comparisons, otherwise O(n).
    """

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._losses: list[tuple[float, ...]] = []  # sorted by the last objective, then the others
        self._order: list[tuple[float, ...]] = []  # the same with the last objective first
        self._known: set[str] = set()

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._known

    def add(self, key: str, losses: Sequence[float]) -> bool:
        """Offer a point; drop the members that it dominates.

        Args:
            key: identity of the point.
            losses: (m,) loss values, lower is better.

        Returns:
            True if the key is on the front now; False if a member dominates or equals the point.

        Raises:
            InvalidObjectivesError: a value is NaN, or the number of objectives has changed.
        """
        point = tuple(float(value) for value in losses)
        self._check(key, point)
        if key in self._known:
            return True
        turned = (point[-1], *point[:-1])
        place = bisect_left(self._order, turned)
        if self._is_beaten(point, place):
            return False
        for index in reversed(self._beaten(point, place)):
            self._known.discard(self._keys[index])
            del self._keys[index], self._losses[index], self._order[index]
        self._keys.insert(place, key)
        self._losses.insert(place, point)
        self._order.insert(place, turned)
        self._known.add(key)
        return True

    def would_take(self, losses: Sequence[float]) -> bool:
        """Say whether a new key with these losses would stand on the front."""
        point = tuple(float(value) for value in losses)
        return not self._is_beaten(point, bisect_left(self._order, (point[-1], *point[:-1])))

    def beaten_by(self, losses: Sequence[float]) -> list[str]:
        """Return the keys that would leave the front if these losses came."""
        point = tuple(float(value) for value in losses)
        place = bisect_left(self._order, (point[-1], *point[:-1]))
        if self._is_beaten(point, place):
            return []
        return [self._keys[index] for index in self._beaten(point, place)]

    def members(self) -> list[tuple[str, tuple[float, ...]]]:
        """Return (key, losses) of each member, sorted by the last objective (the size)."""
        return list(zip(self._keys, self._losses, strict=True))

    def losses(self) -> FloatArray:
        """Return the members' losses (n, m) in the order of `members`."""
        return np.asarray(self._losses, dtype=np.float64).reshape(len(self._losses), -1)

    def _check(self, key: str, point: tuple[float, ...]) -> None:
        if any(value != value for value in point):
            raise InvalidObjectivesError(f"losses of '{key}' are {list(point)}; leave it out")
        if self._losses and len(point) != len(self._losses[0]):
            raise InvalidObjectivesError(
                f"'{key}' has {len(point)} objectives, but the front has {len(self._losses[0])}"
            )

    def _is_beaten(self, point: tuple[float, ...], place: int) -> bool:
        # Only those before `place`, or equal to the point, can be as good in the last column.
        if place < len(self._losses) and self._losses[place] == point:
            return True
        if len(point) == 2:
            # Sorted by size the first column falls, so the nearest smaller member is the best one.
            return place > 0 and self._losses[place - 1][0] <= point[0]
        return any(
            all(a <= b for a, b in zip(member, point, strict=True))
            for member in self._losses[:place]
        )

    def _beaten(self, point: tuple[float, ...], place: int) -> list[int]:
        if len(point) == 2:
            end = place
            while end < len(self._losses) and self._losses[end][0] >= point[0]:
                end += 1
            return list(range(place, end))
        return [
            index
            for index in range(place, len(self._losses))
            if all(a <= b for a, b in zip(point, self._losses[index], strict=True))
        ]
