"""Which trials go on to their next rung? Those that are best among trials of like size.

Asynchronous successive halving: whenever a slot is free, a trial goes on if it is among the best
share of the trials that have reached its rung; otherwise a new one starts. Nobody waits for a rung
to fill. With several objectives "best" is the order of non-dominated sorting, those in the sparser
places first. Trials are compared with the nearest ones in size only: accuracy grows with size, so
that in one list the places would go to some sizes and not to others. When no new trial may start,
those go on, too, that no trial of their rung dominates: they would be the front.

Sources: Li et al. 2020, "A system for massively parallel hyperparameter tuning" (ASHA), algorithm
2; Schmucker et al. 2021, "Multi-objective asynchronous successive halving" (MO-ASHA); Deb et al.
2002, NSGA-II, for sorting and crowding distance.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nas.errors import ConfigError
from nas.objective import Objective, losses
from nas.pareto.dominance import front_mask, ranks
from nas.trial import Rung, TrialRecord

FloatArray = NDArray[np.float64]

# A trial is compared with so many times the reduction factor of trials, itself included.
WINDOW = 4


class SuccessiveHalving:
    """Promotes the best of like size at each rung.

    Args:
        shares: of a full training, ascending; the last is the whole.
        objectives: what is made better; the first static one is the size.
        keep: share of the trials of a rung that go on; None for the ratio of the rung's share to
            the next one's, so that each rung gets as much time.

    Raises:
        ConfigError: `keep` is out of its range.
    """

    def __init__(
        self,
        shares: Sequence[float],
        objectives: Sequence[Objective],
        *,
        keep: float | None = None,
    ) -> None:
        if keep is not None and not 0 < keep < 1:
            raise ConfigError(
                f"fidelity.keep must be above 0 and below 1, but got {keep:g}; null keeps the "
                "ratio of a rung's share to the next one's"
            )
        self._objectives = tuple(objectives)
        self._size = next((i for i, o in enumerate(objectives) if o.is_static), None)
        self._rungs = {low: _Level(keep or low / high) for low, high in pairwise(shares)}

    def reached(self, record: TrialRecord) -> None:
        """Take note of the last rung of a trial."""
        level = self._rungs.get(record.reached)
        if level is not None:
            point = self._losses(record.rungs[-1])
            level.add(record.number, point, 0.0 if self._size is None else point[self._size])

    def promotion(self, paused: Sequence[TrialRecord], *, may_start: bool) -> int | None:
        """Return the trial to go on with now, of the longest trained; None to start a new one.

        Args:
            paused: the trials that wait at a rung, in the order in which they reached it.
            may_start: whether a new trial may start.
        """
        for share in sorted(self._rungs, reverse=True):
            level = self._rungs[share]
            for record in paused:
                if record.reached == share and record.number in level.good:
                    return record.number
        if may_start:
            return None
        left = sorted(paused, key=lambda record: -record.reached)
        last = (r.number for r in left if self._rungs[r.reached].is_undominated(r.number))
        return next(last, None)

    def _losses(self, rung: Rung) -> tuple[float, ...]:
        found = losses(self._objectives, rung.metrics)
        assert found is not None, "a rung without all objectives is a failure"
        return found


class _Level:
    """The trials that have reached one rung, by size.

    Attributes:
        good: those among the best share of the ones nearest to them in size.
    """

    def __init__(self, keep: float) -> None:
        self._keep = keep
        self._width = max(2, round(WINDOW / keep))
        self._numbers: list[int] = []  # in the order of size
        self._sizes: list[float] = []
        self._points: list[tuple[float, ...]] = []
        self.good: set[int] = set()

    def add(self, number: int, point: tuple[float, ...], size: float) -> None:
        """Take a trial in, and judge again those that it is near to."""
        place = bisect_right(self._sizes, size)
        self._numbers.insert(place, number)
        self._sizes.insert(place, size)
        self._points.insert(place, point)
        for near in range(place - self._width, place + self._width + 1):
            if 0 <= near < len(self._numbers):
                self._judge(near)

    def is_undominated(self, number: int) -> bool:
        """Say whether no trial of the rung is better in all objectives."""
        return bool(front_mask(np.array(self._points))[self._numbers.index(number)])

    def _judge(self, place: int) -> None:
        first = max(0, min(place - self._width // 2, len(self._numbers) - self._width))
        window = np.array(self._points[first : first + self._width])
        num_kept = int(len(window) * self._keep + 1e-9)
        if is_among_best(window, place - first, num_kept):
            self.good.add(self._numbers[place])
        else:
            self.good.discard(self._numbers[place])


def is_among_best(points: FloatArray, place: int, num_kept: int) -> bool:
    """Say whether a point is among the first of `best_first`; quicker than to sort them all.

    Args:
        points: (n, m), lower is better.
        place: of the point.
        num_kept: how many are among the best.
    """
    left = np.arange(len(points))
    while num_kept > 0:
        is_first = front_mask(points[left])
        layer = left[is_first]
        if place in layer:
            if len(layer) <= num_kept:
                return True
            order = np.argsort(-_crowding(points[layer]), kind="stable")
            return place in layer[order[:num_kept]]
        num_kept -= len(layer)
        left = left[~is_first]
    return False


def best_first(points: FloatArray) -> list[int]:
    """Return the places of points (n, m), lower is better, in the order of NSGA-II's selection."""
    layer = ranks(points)
    crowding = np.empty(len(points))
    for level in np.unique(layer):
        members = np.flatnonzero(layer == level)
        crowding[members] = _crowding(points[members])
    order = np.lexsort((np.arange(len(points)), -crowding, layer))
    return [int(place) for place in order]


def _crowding(points: FloatArray) -> FloatArray:
    """Return how far apart the neighbours of each point (n, m) are; infinite at the ends."""
    distance = np.zeros(len(points))
    for column in points.T:
        order = np.argsort(column, kind="stable")
        span = column[order[-1]] - column[order[0]]
        distance[order[[0, -1]]] = np.inf
        if span > 0:
            distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return distance
