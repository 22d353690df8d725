"""What a search shows to its watcher; the command line draws it, tests count it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from nas.objective import Constraint, Objective
from nas.trial import TrialRecord


@dataclass(frozen=True)
class SearchPlan:
    """What is about to be searched.

    Attributes:
        name: the run's name.
        run_folder: where its files are.
        num_trials: trials asked for in total, or None for no limit.
        objectives: what is made better.
        num_architectures: how many the space holds; may be infinite.
        num_slots: trials that run at once.
        num_resumed: trials that an earlier command finished.
        limits: on what training measures.
        constraints: limits on static costs.
        seeks_best: the best that keeps them is looked for, not the whole front.
    """

    name: str
    run_folder: str
    num_trials: int | None
    objectives: tuple[Objective, ...]
    num_architectures: float
    num_slots: int
    num_resumed: int = 0
    limits: tuple[Constraint, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    seeks_best: bool = False


@dataclass(frozen=True)
class Progress:
    """Where a search stands.

    Attributes:
        num_trials: trials asked for in total, or None for no limit.
        num_done: trials that ended, failures included.
        num_running: trials in flight.
        num_failed: trials that failed.
        num_redrawn: proposals drawn again: known networks and broken constraints; no trials.
        num_known: of those, the ones of known networks.
        num_slots: trials that can run at once now.
        front: the front's trials, smallest first.
        elapsed_s: wall time since this command started.
        remaining_s: expected wall time to the end, or None while unknown.
        num_paused: trials that wait at a rung.
        sampler_share: share of the workers' time, of late, that waiting for the sampler took.
    """

    num_trials: int | None
    num_done: int
    num_running: int
    num_failed: int
    num_redrawn: int
    num_known: int
    num_slots: int
    front: Sequence[TrialRecord]
    elapsed_s: float
    remaining_s: float | None
    num_paused: int = 0
    sampler_share: float = 0.0


class View(Protocol):
    """Watches a search; no method may take long, since the search waits for it."""

    def start(self, plan: SearchPlan) -> None:
        """Called once, before the first trial."""
        ...

    def trial_finished(self, record: TrialRecord, progress: Progress) -> None:
        """Called after each trial that ended and is on disk."""
        ...

    def rung_reached(self, record: TrialRecord, progress: Progress) -> None:
        """Called after each rung of a trial that is on disk; the trial waits there."""
        ...

    def tick(self, progress: Progress) -> None:
        """Called about twice a second while trials run."""
        ...

    def message(self, text: str) -> None:
        """Called with one line that the user should read."""
        ...

    def close(self) -> None:
        """Called once at the end, also after an error."""
        ...
