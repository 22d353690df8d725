"""Whose weights are kept? Those of the front as it is on disk, and of trials not on record yet.

Weights are saved before the record of their trial, and removed only after the record of the trial
that beats it is on disk. So whatever ends the process, each member of the recorded front has its
weights.
"""

from collections.abc import Iterable, Sequence

from nas.engine.weights import FrontWeights
from nas.objective import Objective, losses
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
        self._recorded = _Members(objectives)
        for record in records:
            self._recorded.add(record)
        self._told = self._recorded.copy()
        self._pending: set[int] = set()
        self._saved: set[int] = set()

    def missing(self) -> list[TrialRecord]:
        """Return the members of the recorded front that have no weights, by number."""
        members = self._recorded.records()
        return [member for member in members if not self._weights.has(member.number)]

    def save(self, result: TrialResult, told: Sequence[TrialRecord]) -> None:
        """Write the weights of what may stand on the front; call it before the record is told.

        Args:
            result: what a worker sent.
            told: the trial as it ended, and its variants.
        """
        joining = [record for record in told if self._told.would_take(record)]
        self._weights.save_of(result, joining)
        self._saved |= {record.number for record in joining}
        self._pending |= {record.number for record in told}
        for record in told:
            self._told.add(record)

    def written(self, records: Iterable[TrialRecord]) -> None:
        """Remove the weights that nobody needs any more, now that these records are on disk."""
        is_changed = False
        for record in records:
            self._pending.discard(record.number)
            is_changed |= self._recorded.add(record) or record.number in self._saved
        if is_changed:
            self._saved &= self._pending
            self._weights.keep_only({*self._recorded.numbers(), *self._pending})


class _Members:
    """A front that holds all of several trials with equal losses, as the reports show it."""

    def __init__(self, objectives: Sequence[Objective]) -> None:
        self._objectives = tuple(objectives)
        self._found: dict[int, tuple[_Point, TrialRecord]] = {}

    def copy(self) -> "_Members":
        """Return another front with the same members."""
        other = _Members(self._objectives)
        other._found = dict(self._found)
        return other

    def numbers(self) -> list[int]:
        """Return the members' numbers."""
        return list(self._found)

    def records(self) -> list[TrialRecord]:
        """Return the members, by number."""
        return [self._found[number][1] for number in sorted(self._found)]

    def would_take(self, record: TrialRecord) -> bool:
        """Say whether a trial ended well and no member is better than it."""
        point = self._point(record)
        return point is not None and not any(_beats(p, point) for p, _ in self._found.values())

    def add(self, record: TrialRecord) -> bool:
        """Offer a trial; say whether it is a member now."""
        point = self._point(record)
        if point is None or not self.would_take(record):
            return False
        kept = {n: found for n, found in self._found.items() if not _beats(point, found[0])}
        self._found = {**kept, record.number: (point, record)}
        return True

    def _point(self, record: TrialRecord) -> _Point | None:
        if record.state is not TrialState.COMPLETE:
            return None
        return losses(self._objectives, record.metrics)


def _beats(one: _Point, other: _Point) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
