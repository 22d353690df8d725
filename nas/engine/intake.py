"""What happens to a result? Its weights are saved, then it is recorded, then it is shown.

So a trial that is on record has its weights, whatever ends the process.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from nas.engine.front_tracker import FrontTracker
from nas.engine.log_lines import rung_line, trial_line
from nas.engine.publishing import Publisher
from nas.engine.reference_trainings import ReferenceTrainings
from nas.engine.rungs import Rungs
from nas.engine.trainings_again import TrainingsAgain
from nas.engine.view import Progress, View
from nas.files import remove_folder
from nas.objective import Objective
from nas.study.record import StudyRecord
from nas.study.study import SearchStudy
from nas.trial import TrialRecord, TrialResult, TrialState

_LOG = logging.getLogger(__name__)


class WeightKeeper(Protocol):
    """Keeps weights of some trials on disk."""

    def save(self, result: TrialResult, told: Sequence[TrialRecord]) -> None:
        """Write the weights of what may be needed; called before the record is told."""
        ...

    def written(self, records: Sequence[TrialRecord]) -> None:
        """Remove what nobody needs any more, now that these records are on disk."""
        ...

    def tidy(self, *, is_over: bool) -> None:
        """Remove what else is not needed, at the end of a command."""
        ...


class Intake:
    """Takes results in, and reports them once they are on disk.

    Args:
        study: records each result.
        record: the study's durable record.
        objectives: what is made better.
        keepers: keep weights: of the front, and perhaps of those that later trials start from.
        tracker: counts the trials that ended.
        again: the trainings whose weights are missing.
        references: networks that are trained for comparison.
        checkpoints: folder of the trials' checkpoints, which are removed as trials end.
        tables: written now and then.
        view: shows trials that are on disk.
        rungs: of a search whose trials train in steps.
    """

    def __init__(
        self,
        study: SearchStudy,
        record: StudyRecord,
        *,
        objectives: tuple[Objective, ...],
        keepers: Sequence[WeightKeeper],
        tracker: FrontTracker,
        again: TrainingsAgain,
        references: ReferenceTrainings,
        checkpoints: Path,
        tables: Publisher,
        view: View,
        rungs: Rungs | None = None,
    ) -> None:
        self._study = study
        self._rungs = rungs
        self._record = record
        self._objectives = objectives
        self._keepers = tuple(keepers)
        self._tracker = tracker
        self._again = again
        self._references = references
        self._checkpoints = checkpoints
        self._tables = tables
        self._view = view

    def take(self, result: TrialResult) -> None:
        """Save the weights of a result, and record it in the study."""
        if result.number in self._again:
            for line in self._again.take(result):
                self.say(line)
                self._drop_checkpoint(result.number)
            return
        if result.number in self._references:
            for line in self._references.take(result):
                self.say(line)
                self._drop_checkpoint(result.number)
            return
        before = self._study.record(result.number)
        ended = self._study.tell(result, keep=lambda told: self._save(result, told))
        for record in ended:
            self._note_end(record)
        record = self._study.record(result.number)
        if self._rungs is not None and not ended and record.reached > before.reached:
            self._rungs.reached(record)
            _LOG.info("%s", rung_line(record, self._objectives))

    def stop_hopeless(self) -> None:
        """Stop the trials at a rung that are not worth going on with."""
        if self._rungs is None or not self._study.has_paused:
            return
        for number in self._rungs.to_stop(self._study.paused, self._tracker.front_losses):
            self._note_end(self._study.stop(number))

    def stop_all(self) -> None:
        """Stop all trials that wait at a rung: the search has ended."""
        for record in self._study.paused:
            self._note_end(self._study.stop(record.number))

    def _note_end(self, record: TrialRecord) -> None:
        self._tracker.add(record)
        if self._rungs is not None:
            self._rungs.ended(record)
        _LOG.info("%s", trial_line(record, self._objectives))

    def acknowledge(self, progress: Callable[[], Progress]) -> None:
        """Tell the view of the trials that are on disk by now."""
        written = self._record.acknowledged()
        if not written:
            return
        self._pass_on(written, progress())
        self._tables.publish_if_due(lambda: self._study.records)

    def put_on_record(self, progress: Callable[[], Progress]) -> None:
        """Wait until all results are on disk."""
        now = progress()
        self._pass_on(self._record.flush(), now)

    def _pass_on(self, written: Sequence[TrialRecord], now: Progress) -> None:
        """Tell of what is on disk, and remove what is not needed any more for that."""
        self._written(written)
        for record in written:
            if record.state is TrialState.RUNNING:
                self._view.rung_reached(record, now)
                continue
            if record.parent is None:
                self._drop_checkpoint(record.number)
            self._view.trial_finished(record, now)

    def leave_tables(self) -> None:
        """Write what there is after an error, which must not be hidden by another one."""
        try:
            self._written(self._record.flush())
            self.publish()
        except Exception:  # noqa: BLE001 - the error that ends the search is on its way
            _LOG.warning("the tables could not be written", exc_info=True)

    def leave_in_order(self, *, is_over: bool) -> None:
        """Remove weights that nobody needs, and write the tables, at the end of a command.

        Args:
            is_over: the search has ended, and was not interrupted.
        """
        for keeper in self._keepers:
            keeper.tidy(is_over=is_over)
        self.tidy_checkpoints()
        self.publish()

    def tidy_checkpoints(self) -> None:
        """Remove checkpoints of trials that have ended: a crash may have come before that."""
        if not self._checkpoints.is_dir():
            return
        running = {r.number for r in self._study.records if r.state is TrialState.RUNNING}
        running |= set(self._again.numbers)
        for place in self._checkpoints.iterdir():
            if place.name.isdecimal() and int(place.name) not in running:
                remove_folder(place)

    def publish(self) -> None:
        """Write the tables now."""
        self._tables.publish(self._study.records)

    def say(self, line: str) -> None:
        """Tell the log and the view one line."""
        _LOG.info("%s", line)
        self._view.message(line)

    def _save(self, result: TrialResult, told: Sequence[TrialRecord]) -> None:
        for keeper in self._keepers:
            keeper.save(result, told)

    def _written(self, records: Sequence[TrialRecord]) -> None:
        # A rung is no end: the weights of a trial that has ended meanwhile must stay.
        for keeper in self._keepers:
            keeper.written(_ended(records))

    def _drop_checkpoint(self, number: int) -> None:
        remove_folder(self._checkpoints / str(number))


def _ended(written: Sequence[TrialRecord]) -> list[TrialRecord]:
    return [record for record in written if record.state is not TrialState.RUNNING]
