"""Hand-made networks are trained among the trials, by the same recipe; they are no trials.

Each is handed out once: as soon as it is expected to take no more than a share of the time that
trials took so far. What comes of it stands in `references.csv` beside the trivial models, and is
known after a resume.
"""

import logging
import math
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path

from nas.architecture import Architecture
from nas.objective import Objective
from nas.record.references import HAND_MADE, Reference, read_references, write_references
from nas.seeding import derive_seed
from nas.trial import FailureKind, TrialRecord, TrialResult, TrialSpec, TrialState

_LOG = logging.getLogger(__name__)

NUM_FIRST = 4  # trials that end before any of these is handed out
_MOST_LOST = 3  # times that a worker may be lost with one of these


class ReferenceTrainings:
    """Hands out hand-made networks, and takes what comes of them.

    Args:
        known: references that need no training.
        hand_made: name -> architecture of those that do.
        path: of references.csv.
        objectives: of the search.
        seed: of the run.
        most_share: of the time of all trials so far that one may take; infinite for no limit.
        num_macs: multiply-accumulates of an architecture.
    """

    def __init__(
        self,
        known: Sequence[Reference],
        hand_made: Sequence[tuple[str, Architecture]],
        *,
        path: Path,
        objectives: Sequence[Objective],
        seed: int,
        most_share: float = math.inf,
        num_macs: Callable[[Architecture], float] = lambda _: 0.0,
    ) -> None:
        self._most_share, self._num_macs = most_share, num_macs
        self._path, self._seed, self._objectives = path, seed, tuple(objectives)
        before = [r for r in read_references(path) if r.kind == HAND_MADE]
        done = {reference.name for reference in before}
        self._done = [*known, *before]
        left = [pair for pair in hand_made if pair[0] not in done]
        # Trials have numbers from 0 on.
        self._orders = {-1 - place: pair for place, pair in enumerate(left)}
        self._waiting = deque(self._orders)
        self._attempts: Counter[int] = Counter()
        if self._done:
            write_references(path, self._done)

    def __contains__(self, number: object) -> bool:
        return number in self._orders

    @property
    def has_waiting(self) -> bool:
        """Some are to be handed out."""
        return bool(self._waiting)

    def is_due(
        self, trials: Sequence[TrialRecord], *, left_s: Callable[[], float | None] = lambda: None
    ) -> bool:
        """Say whether the next one should be handed out, after these trials.

        Args:
            trials: of the search.
            left_s: tells the seconds in which it would have to end; None for no such time.
        """
        if not self._waiting:
            return False
        ended = [t for t in trials if t.state is TrialState.COMPLETE and t.parent is None]
        if len(ended) < NUM_FIRST:
            return False
        if math.isinf(self._most_share):
            return True
        expected_s, within_s = self._expected_s(ended), left_s()
        if within_s is not None and expected_s > within_s:
            return False
        return expected_s <= self._most_share * sum(trial.seconds for trial in ended)

    def _expected_s(self, ended: Sequence[TrialRecord]) -> float:
        """Return what the next one will take, by the trial with the most arithmetic."""
        most = max(ended, key=lambda trial: trial.metrics.get("num_macs", 0.0))
        macs = most.metrics.get("num_macs", 0.0)
        ours = self._num_macs(self._orders[self._waiting[0]][1])
        return most.seconds * max(1.0, ours / macs if macs > 0 else 1.0)

    def next(self) -> TrialSpec:
        """Return the next order; it asks for no weights."""
        number = self._waiting.popleft()
        _, architecture = self._orders[number]
        return TrialSpec(
            number=number,
            architecture=architecture,
            seed=derive_seed(self._seed, "trial", architecture.id),
            attempt=self._attempts[number],
            front=(tuple(-math.inf for _ in self._objectives),),
        )

    def take(self, result: TrialResult) -> list[str]:
        """Write down what came of one; return what is to be told, in lines."""
        name, _ = self._orders[result.number]
        failure = result.failure
        is_lost = failure is not None and failure.kind is FailureKind.LOST
        if is_lost and self._attempts[result.number] < _MOST_LOST:
            if result.attempt == self._attempts[result.number]:
                self._attempts[result.number] += 1
                self._waiting.append(result.number)
            return []
        if result.state is not TrialState.COMPLETE:
            reason = failure.message if failure is not None else "it ended without a result"
            return [f"{name}, which the search is compared with, was not trained: {reason}"]
        share = result.metrics.get("training_share", 1.0)
        if share < 1.0:
            what = f"{name}, which the search is compared with, had time for {share:.0%} of its"
            return [f"{what} training, and is left out"]
        self._done.append(_reference(name, result))
        write_references(self._path, self._done)
        accuracy = result.metrics.get("accuracy", math.nan)
        size_kb = result.metrics.get("size_bytes", math.nan) / 1e3
        found = f"{accuracy:.2%} accuracy at {size_kb:,.0f} kB in {result.seconds:.1f} s"
        return [f"for comparison, trained like a trial: {name}, {found}"]


def _reference(name: str, result: TrialResult) -> Reference:
    found = {**dict.fromkeys(Reference.__dataclass_fields__, math.nan), **result.metrics}
    return Reference(
        name=name,
        kind=HAND_MADE,
        accuracy=float(found["accuracy"]),
        size_bytes=float(found["size_bytes"]),
        num_params=float(found["num_params"]),
        num_macs=float(found["num_macs"]),
        seconds=result.seconds,
    )
