"""The one contract between the search and wherever trials run: this process, or Ray's workers."""

from collections.abc import Sequence
from typing import Protocol

from nas.trial import TrialResult, TrialSpec


class Backend(Protocol):
    """Runs trials side by side."""

    @property
    def is_concurrent(self) -> bool:
        """Whether trials go on while the search does other things."""
        ...

    @property
    def num_slots(self) -> int:
        """How many trials can run at once now; may change as nodes come and go."""
        ...

    @property
    def num_free(self) -> int:
        """How many trials may be submitted now.

        More than the free slots where trials are so short that a worker takes several at once.
        """
        ...

    def submit(self, spec: TrialSpec) -> None:
        """Take a trial, which starts at the latest with the next `next_finished`."""
        ...

    def next_finished(self, *, timeout_s: float) -> Sequence[TrialResult]:
        """Wait until a trial ends, then return all that have; empty when the time is over.

        A lost worker is a result of kind `LOST`, whose trial is handed out again without end; its
        slot is filled by a new worker. A trial that itself kills its workers is one of kind
        `ERROR` after a few attempts.
        """
        ...

    def close(self) -> None:
        """End all workers at once; trials that still run leave no result. May be called twice."""
        ...
