"""In which time must each retraining end, so that all of them end in time?

What was planned for a retraining came from the trials of the search, on a machine that was busier
or idler than it is now. So the time that is really left is shared out again whenever a retraining
starts, in the proportions of the plan.
"""

import heapq
from collections.abc import Sequence

from nas.planning.command_time import Retrainings
from nas.running_clock import running_s

LEAST_S = 2.0  # of a retraining
_SPARED = 0.03  # of the time: building, testing, and writing weights
_ROUNDS = 40  # of bisection


class Pace:
    """Shares the time that is left among retrainings that run side by side.

    Args:
        retrainings: when they must have ended, by `nas.running_clock.running_s`.
        num_networks: that are made into files afterwards.
        tests_s: that the tests of these files take.
        share: of the time that is left, that these retrainings have; others follow.
    """

    def __init__(
        self,
        retrainings: Retrainings,
        *,
        num_networks: int,
        tests_s: float = 0.0,
        share: float = 1.0,
    ) -> None:
        until_s, now_s = retrainings.until_s(num_networks) - tests_s, running_s()
        self._until_s = now_s + share * (until_s - now_s)
        self._ends_s: list[float] = []

    @property
    def left_s(self) -> float:
        """Return the wall time that is left for retrainings."""
        return self._until_s - running_s()

    def within_s(self, work_s: float, later_s: Sequence[float], *, num_slots: int) -> float:
        """Return the seconds in which a retraining that starts now is to end.

        Args:
            work_s: what was planned for it.
            later_s: the same of those that wait, in their order.
            num_slots: retrainings that run at once.
        """
        now_s = running_s()
        self._ends_s = sorted(end_s for end_s in self._ends_s if end_s > now_s)
        left_s = max(LEAST_S, (1.0 - _SPARED) * (self._until_s - now_s))
        busy_s = [end_s - now_s for end_s in self._ends_s][: max(0, num_slots - 1)]
        times = _times([work_s, *later_s], busy_s, num_slots=num_slots, left_s=left_s)
        seconds = min(left_s, max(LEAST_S, times * work_s))
        self._ends_s.append(now_s + seconds)
        return seconds


def _times(
    works_s: Sequence[float], busy_s: Sequence[float], *, num_slots: int, left_s: float
) -> float:
    """Return how many times its work each may take, for all to end in the time that is left."""
    low, high = 0.0, left_s / max(1e-9, works_s[0])
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        fits = _end_s([middle * work_s for work_s in works_s], busy_s, num_slots) <= left_s
        low, high = (middle, high) if fits else (low, middle)
    return low


def _end_s(works_s: Sequence[float], busy_s: Sequence[float], num_slots: int) -> float:
    """Return when the last one ends, if each takes the slot that is free first."""
    free_s = [*busy_s, *[0.0] * (num_slots - len(busy_s))]
    heapq.heapify(free_s)
    end_s = 0.0
    for work_s in works_s:
        own_s = heapq.heappop(free_s) + work_s
        end_s = max(end_s, own_s)
        heapq.heappush(free_s, own_s)
    return end_s
