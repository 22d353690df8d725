"""What happens to a result? Its weights are saved first, then it is put on record, then told.

So a trial that is on record has its weights, whatever ends the process.
"""

import logging
from collections.abc import Callable
from pathlib import Path

from nas.engine.front_keeper import FrontKeeper
from nas.engine.front_tracker import FrontTracker
from nas.engine.log_lines import trial_line
from nas.engine.publishing import Publisher
from nas.engine.reference_trainings import ReferenceTrainings
from nas.engine.trainings_again import TrainingsAgain
from nas.engine.view import Progress, View
from nas.files import remove_folder
from nas.objective import Objective
from nas.study.record import StudyRecord
from nas.study.study import SearchStudy
from nas.trial import TrialResult

_LOG = logging.getLogger(__name__)


class Intake:
    """Takes results in, and tells of them once they are on disk.

    Args:
        study: is told of each.
        record: the study's durable record.
        objectives: what is made better.
        keeper: keeps the weights of the front.
        tracker: counts the trials that ended.
        again: the trainings whose weights are missing.
        references: networks that are trained for comparison.
        checkpoints: folder of the trials' checkpoints, which are removed as trials end.
        tables: written now and then.
        view: is told of trials that are on disk.
    """

    def __init__(
        self,
        study: SearchStudy,
        record: StudyRecord,
        *,
        objectives: tuple[Objective, ...],
        keeper: FrontKeeper,
        tracker: FrontTracker,
        again: TrainingsAgain,
        references: ReferenceTrainings,
        checkpoints: Path,
        tables: Publisher,
        view: View,
    ) -> None:
        self._study = study
        self._record = record
        self._objectives = objectives
        self._keeper = keeper
        self._tracker = tracker
        self._again = again
        self._references = references
        self._checkpoints = checkpoints
        self._tables = tables
        self._view = view

    def take(self, result: TrialResult) -> None:
        """Save the weights of a result, and tell the study of it."""
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
        ended = self._study.tell(result, keep=lambda told: self._keeper.save(result, told))
        for record in ended:
            self._tracker.add(record)
            _LOG.info("%s", trial_line(record, self._objectives))
        if ended:
            self._drop_checkpoint(result.number)

    def acknowledge(self, progress: Callable[[], Progress]) -> None:
        """Tell the view of the trials that are on disk by now."""
        written = self._record.acknowledged()
        if not written:
            return
        self._keeper.written(written)
        now = progress()
        for record in written:
            self._view.trial_finished(record, now)
        self._tables.publish_if_due(lambda: self._study.records)

    def put_on_record(self, progress: Callable[[], Progress]) -> None:
        """Wait until everything that was told is on disk."""
        now = progress()
        written = self._record.flush()
        self._keeper.written(written)
        for record in written:
            self._view.trial_finished(record, now)

    def leave_tables(self) -> None:
        """Write what there is after an error, which must not be hidden by another one."""
        try:
            self._keeper.written(self._record.flush())
            self.publish()
        except Exception:  # noqa: BLE001 - the error that ends the search is on its way
            _LOG.warning("the tables could not be written", exc_info=True)

    def leave_in_order(self) -> None:
        """Remove weights that nobody needs, and write the tables, at the end of a search."""
        self._keeper.tidy()
        self.publish()

    def publish(self) -> None:
        """Write the tables now."""
        self._tables.publish(self._study.records)

    def say(self, line: str) -> None:
        """Tell the log and the view one line."""
        _LOG.info("%s", line)
        self._view.message(line)

    def _drop_checkpoint(self, number: int) -> None:
        remove_folder(self._checkpoints / str(number))
