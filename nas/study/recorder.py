"""What does a study want of its durable record?"""

from collections.abc import Sequence
from typing import Any, Protocol

from nas.trial import TrialRecord


class Recorder(Protocol):
    """Where a study writes down what happens; `StudyJournal` is one."""

    def started(self, record: TrialRecord) -> None:
        """Note that a trial runs."""
        ...

    def reached(self, record: TrialRecord) -> None:
        """Note the last rung of a trial that runs."""
        ...

    def finished(self, record: TrialRecord, variants: Sequence[TrialRecord] = ()) -> None:
        """Note a trial's end, and the variants of its network."""
        ...

    def noted(self, key: str, value: Any) -> None:
        """Keep what the sampler noted with the study."""
        ...
