"""The one contract between the search and wherever trials run: this process, or Ray's workers."""

from collections.abc import Sequence
from typing import Protocol

from nas.trial import TrialResult, TrialSpec


class Backend(Protocol):
    """Runs trials side by side."""

    @property
    def num_slots(self) -> int:
        """How many trials can run at once now; may change as nodes come and go."""
        ...

    @property
    def num_free(self) -> int:
        """How many of the slots are free now."""
        ...

    def submit(self, spec: TrialSpec) -> None:
        """Start a trial in a free slot; returns at once."""
        ...

    def next_finished(self, *, timeout_s: float) -> Sequence[TrialResult]:
        """Wait until a trial ends, then return all that have; empty when the time is over.

        A lost worker is a result of kind `LOST`; its slot is filled again by a new worker.
        """
        ...

    def close(self) -> None:
        """End all workers at once; trials that still run leave no result. May be called twice."""
        ...
