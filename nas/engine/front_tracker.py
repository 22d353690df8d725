"""How does a search stand: how many trials ended and failed, and who is on the front now?"""

from collections.abc import Iterable, Sequence

from nas.engine.stopping import Stopping
from nas.engine.view import Progress
from nas.objective import Objective, losses
from nas.pareto.dominance import Front
from nas.study.study import SearchStudy
from nas.trial import TrialRecord, TrialState


class FrontTracker:
    """Counts trials as they end, and keeps their front.

    Args:
        objectives: what is made better.
        records: trials of earlier commands; running ones do not count.

    Attributes:
        num_done: trials that ended, failures included.
        num_failed: trials that failed.
        num_resumed: trials that had ended before this command.
        front_losses: of the front's members.
    """

    def __init__(self, objectives: Sequence[Objective], records: Iterable[TrialRecord]) -> None:
        self._objectives = tuple(objectives)
        self._front = Front()
        self.front_losses: tuple[tuple[float, ...], ...] = ()
        self.num_done = self.num_failed = 0
        for record in records:
            if record.state is not TrialState.RUNNING:
                self.add(record)
        self.num_resumed = self.num_done

    @property
    def front_numbers(self) -> list[int]:
        """The trials on the front, in the order of `front_losses`."""
        return [int(key) for key, _ in self._front.members()]

    def add(self, record: TrialRecord) -> None:
        """Count a trial that ended; a variant of a network counts for the front alone."""
        if record.parent is None:
            self.num_done += 1
            self.num_failed += record.state is TrialState.FAILED
        values = losses(self._objectives, record.metrics)
        if record.state is TrialState.COMPLETE and values is not None:
            self._front.add(str(record.number), values)
            self.front_losses = tuple(point for _, point in self._front.members())

    def progress(
        self,
        study: SearchStudy,
        stopping: Stopping,
        *,
        num_running: int,
        num_slots: int,
        elapsed_s: float,
    ) -> Progress:
        """Return what a view is told."""
        return Progress(
            num_trials=stopping.num_trials,
            num_done=self.num_done,
            num_running=num_running,
            num_failed=self.num_failed,
            num_redrawn=study.num_redrawn,
            num_known=study.num_known,
            num_slots=num_slots,
            front=[study.record(number) for number in self.front_numbers],
            elapsed_s=elapsed_s,
            remaining_s=stopping.remaining_s(
                num_done=self.num_done,
                num_done_now=self.num_done - self.num_resumed,
                elapsed_s=elapsed_s,
            ),
        )
