"""Whose weights are kept? Those of the front as it is on disk, and of trials not on record yet.

Weights are saved before the record of their trial, and removed only after the record of the trial
that beats it is on disk. So whatever ends the process, each member of the recorded front has its
weights.
"""

from collections.abc import Iterable, Sequence

from nas.engine.weights import FrontWeights
from nas.objective import Objective, losses
from nas.pareto.dominance import Front
from nas.trial import TrialRecord, TrialResult, TrialState

_Point = tuple[float, ...]


class FrontKeeper:
    """Saves and removes the weights of a search.

    Args:
        weights: where they are kept.
        objectives: what is made better.
        records: trials on record; running ones do not count.
    """

    def __init__(
        self,
        weights: FrontWeights,
        *,
        objectives: Sequence[Objective],
        records: Iterable[TrialRecord],
    ) -> None:
        self._weights = weights
        self._recorded, self._told = _Members(objectives), _Members(objectives)
        for record in records:
            self._recorded.add(record)
            self._told.add(record)
        self._pending: set[int] = set()

    def missing(self) -> list[TrialRecord]:
        """Return the members of the recorded front that have no weights, by number."""
        members = self._recorded.records()
        return [member for member in members if not self._weights.has(member.number)]

    def save(self, result: TrialResult, told: Sequence[TrialRecord]) -> None:
        """Write the weights of networks that may stand on the front, before they are recorded.

        Args:
            result: what a worker sent.
            told: the trial as it ended, and its variants.
        """
        joining = [record for record in told if self._told.would_take(record)]
        self._weights.save_of(result, joining)
        self._pending |= {record.number for record in told}
        for record in told:
            self._told.add(record)

    def written(self, records: Iterable[TrialRecord]) -> None:
        """Remove the weights that nobody needs any more, now that these records are on disk."""
        gone: set[int] = set()
        for record in records:
            self._pending.discard(record.number)
            gone |= self._recorded.beaten_by(record)
            if not self._recorded.add(record):
                gone.add(record.number)
        self._weights.remove(gone)

    def tidy(self, *, is_over: bool) -> None:
        """Remove what else lies there: an earlier command may have been killed before it did."""
        del is_over  # the front stays
        self._weights.keep_only({*self._recorded.numbers(), *self._pending})


class _Members:
    """A front that holds all of several trials with equal losses, as the reports show it.

    An offer costs O(log n) comparisons with two objectives: a search has thousands of them.
    """

    def __init__(self, objectives: Sequence[Objective]) -> None:
        self._objectives = tuple(objectives)
        self._front = Front()  # of the points, each under the number of its first trial
        self._with: dict[str, _Point] = {}
        self._at: dict[_Point, dict[int, TrialRecord]] = {}

    def numbers(self) -> list[int]:
        """Return the members' numbers."""
        return [number for found in self._at.values() for number in found]

    def records(self) -> list[TrialRecord]:
        """Return the members, by number."""
        found = (record for each in self._at.values() for record in each.values())
        return sorted(found, key=lambda record: record.number)

    def would_take(self, record: TrialRecord) -> bool:
        """Say whether a trial ended well and no member is better than it."""
        point = self._point(record)
        return point is not None and (point in self._at or self._front.would_take(point))

    def beaten_by(self, record: TrialRecord) -> set[int]:
        """Return the members that would leave if a trial came."""
        point = self._point(record)
        if point is None or point in self._at:
            return set()
        beaten = (self._at[self._with[key]] for key in self._front.beaten_by(point))
        return {number for found in beaten for number in found}

    def add(self, record: TrialRecord) -> bool:
        """Offer a trial; say whether it is a member now."""
        point = self._point(record)
        if point is None:
            return False
        if point not in self._at:
            if not self._front.would_take(point):
                return False
            for key in self._front.beaten_by(point):
                del self._at[self._with.pop(key)]
            self._front.add(str(record.number), point)
            self._with[str(record.number)] = point
        self._at.setdefault(point, {})[record.number] = record
        return True

    def _point(self, record: TrialRecord) -> _Point | None:
        if record.state is not TrialState.COMPLETE:
            return None
        return losses(self._objectives, record.metrics)
