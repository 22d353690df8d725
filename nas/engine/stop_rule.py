"""What may end a search? A stop rule: it looks at how the search stands, and says why it ends.

`nas.engine.stopping` has the rules that every search keeps, `nas.engine.no_progress` one that is
off by default. A rule of your own is a child of `StopRule`, which a configuration names:

    nas search '+stopping.rules.mine._target_=my_rules.GoodEnough' +stopping.rules.mine.wanted=0.9

A rule is asked many times a second, in the process that runs the search, so it should be quick.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from nas.objective import Objective
from nas.trial import TrialRecord


@dataclass(frozen=True)
class SearchState:
    """How a search stands when its rules are asked.

    Attributes:
        objectives: what is made better.
        num_trials: trials in the study, running and proposed ones included; not the variants.
        num_done: trials that ended, failed ones and those of earlier commands included.
        num_resumed: of those, the ones of earlier commands.
        num_failed: trials that failed, those of earlier commands included.
        ended: their records, in the order in which they ended; the variants of a trained network
            follow its own record.
        front: (n, m) losses of the front's members, lower is better.
        elapsed_s: wall time of this command.
    """

    objectives: tuple[Objective, ...]
    num_trials: int
    num_done: int
    num_resumed: int
    num_failed: int
    ended: Sequence[TrialRecord]
    front: Sequence[tuple[float, ...]]
    elapsed_s: float


@runtime_checkable
class StopRule(Protocol):
    """Says when a search has done enough."""

    def why_end(self, state: SearchState) -> str | None:
        """Return why no further trial may start, in one sentence; None while one may.

        Trials that run then are waited for.

        Raises:
            ExecutionError: the search has failed, rather than done enough.
        """
        ...

    def remaining_s(self, state: SearchState) -> float | None:
        """Return the seconds of wall time that are expected to be left; None if unknown."""
        del state
        return None


@runtime_checkable
class Cuts(Protocol):
    """A stop rule that ends a search although trials run."""

    def cuts(self, state: SearchState) -> bool:
        """Say whether trials that run are left as they are; a command that resumes ends them."""
        ...


@runtime_checkable
class Bounds(Protocol):
    """A stop rule that tells trials in which time they are to end."""

    def within_s(self, state: SearchState) -> float | None:
        """Return the seconds for a trial that starts now; None for as long as it takes."""
        ...
