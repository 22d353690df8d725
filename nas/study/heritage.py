"""From which trial's weights does a new trial start? Asked of whoever keeps the weights."""

from dataclasses import replace
from typing import Protocol

from nas.architecture import Architecture
from nas.trial import NO_RELATIVE, TrialRecord


class Heritage(Protocol):
    """The trained weights that a new trial may start from."""

    def nearest(self, architecture: Architecture) -> int | None:
        """Return the number of the trial to start from; None for random weights."""
        ...

    def has(self, number: int) -> bool:
        """Say whether the weights of a trial are there."""
        ...


class _NoHeritage:
    """Every trial starts from random weights."""

    def nearest(self, architecture: Architecture) -> int | None:
        """Return None."""
        del architecture
        return None

    def has(self, number: int) -> bool:
        """Return False."""
        del number
        return False


NO_HERITAGE: Heritage = _NoHeritage()


def with_relative_at_hand(record: TrialRecord, heritage: Heritage) -> TrialRecord:
    """Return a trial that is to go on; it begins at random where its relative's weights are lost.

    That happens where the run went on from its database in another folder.
    """
    if record.relative is not None and not heritage.has(record.relative):
        return replace(record, inherited_from=NO_RELATIVE)
    return record
