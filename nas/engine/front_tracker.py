"""How does a search stand: how many trials ended and failed, and who is on the front now?"""

from collections.abc import Iterable, Sequence

from nas.engine.stop_rule import SearchState
from nas.objective import Objective, losses
from nas.pareto.dominance import Front
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
        self._ended: list[TrialRecord] = []
        for record in records:
            if record.state is not TrialState.RUNNING:
                self.add(record)
        self._ended = in_order_of_ending(self._ended)
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
        self._ended.append(record)
        values = losses(self._objectives, record.metrics)
        if record.state is TrialState.COMPLETE and values is not None:
            self._front.add(str(record.number), values)
            self.front_losses = tuple(point for _, point in self._front.members())

    def state(self, *, num_trials: int, elapsed_s: float) -> SearchState:
        """Return what stop rules are asked about.

        Args:
            num_trials: trials in the study, running and proposed ones included.
            elapsed_s: wall time of this command.
        """
        return SearchState(
            objectives=self._objectives,
            num_trials=num_trials,
            num_done=self.num_done,
            num_resumed=self.num_resumed,
            num_failed=self.num_failed,
            ended=self._ended,
            front=self.front_losses,
            elapsed_s=elapsed_s,
        )


def in_order_of_ending(records: Iterable[TrialRecord]) -> list[TrialRecord]:
    """Return ended trials in the order in which they ended, variants right behind their training.

    Two that ended at one time stand in the order of their numbers.
    """
    listed = sorted(records, key=lambda record: record.number)
    finished_s = {record.number: record.finished_s or record.started_s for record in listed}

    def place(record: TrialRecord) -> tuple[float, int, int]:
        training = record.number if record.parent is None else record.parent
        return finished_s.get(training, record.started_s), training, record.number

    return sorted(listed, key=place)
