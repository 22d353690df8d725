"""The search: ask for trials, hand them out, take results, write them down, until it is enough.

Asynchronous throughout: a slot is filled again the moment it is free, and nothing waits for a
generation or a batch. What the loop knows of anything it hears through contracts: `SearchStudy`
proposes and remembers, a `Backend` runs, a `View` watches.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace

from nas.engine.costs import CachedCosts
from nas.engine.front_keeper import FrontKeeper
from nas.engine.front_tracker import FrontTracker
from nas.engine.interrupt import InterruptWatch, own_handlers
from nas.engine.log_lines import exhausted_line, trial_line
from nas.engine.pace import SamplerPace
from nas.engine.publishing import Publish, Publisher
from nas.engine.task import SearchSummary, SearchTask
from nas.engine.trainings_again import TrainingsAgain
from nas.engine.view import Progress, SearchPlan, View
from nas.engine.weights import FrontWeights
from nas.errors import ConstraintError
from nas.evaluation.evaluator import Evaluator
from nas.execution.backend import Backend
from nas.files import CHECKPOINT_FILES, remove_own
from nas.record.lease import Lease
from nas.record.run_folder import LEASE, RunFolder
from nas.study.proposals import SpaceExhausted
from nas.study.record import StudyRecord
from nas.study.study import SearchStudy
from nas.trial import TrialResult

_LOG = logging.getLogger(__name__)

TURN_S = 0.5  # the longest wait before the view is told, and a signal is seen
# The longest that new trials are proposed before the workers' results are looked at again.
FILL_S = 0.1


def run_search(
    task: SearchTask,
    *,
    run_folder: RunFolder,
    make_backend: Callable[[Evaluator], Backend],
    view: View,
    publish: Publish,
    storage_url: str | None = None,
    resume: bool = True,
    lease: Lease | None = None,
) -> SearchSummary:
    """SearchLoop until it is enough, and leave everything on disk.

    Takes up what the run folder's journal holds. The backend is made after the constraints are
    known to be possible, and closed whatever happens.

    Args:
        task: what to search.
        run_folder: an existing folder.
        make_backend: starts the workers.
        view: watches.
        publish: writes tables from all records; called now and then, and at the end.
        storage_url: a database that gets a copy of the study while it grows, or None.
        resume: take up a study that only the database has; otherwise its name is refused.
        lease: the right to write the run folder, where the caller has it; else it is taken here.

    Raises:
        ConstraintError: no architecture keeps the constraints.
        ExecutionError: workers cannot be had, or too many trials failed.
        ConfigError: the database does not answer.
        RunFolderError: another process searches in this folder or writes this study, or the
            record cannot be written.
    """
    own_lease = Lease(run_folder.path / LEASE) if lease is None else None
    try:
        record = StudyRecord(
            run_folder.study_journal,
            name=run_folder.name,
            objectives=task.objectives,
            space=task.space,
            storage_url=storage_url,
            resume=resume,
        )
        is_hasty = True  # after a signal or an error nobody waits for a database
        try:
            search = SearchLoop(task, run_folder, record, view=view, publish=publish)
            summary = search.run(make_backend)
            is_hasty = summary.is_interrupted
            return summary
        finally:
            record.close(is_hasty=is_hasty)
    finally:
        view.close()
        if own_lease is not None:
            own_lease.release()


class SearchLoop:
    """The state of a running search.

    Args:
        task: what to search.
        run_folder: where weights and checkpoints go.
        record: the open record, with what it held before.
        view: watches.
        publish: writes tables from all records.

    Raises:
        ConstraintError: no architecture keeps the constraints.
    """

    def __init__(
        self,
        task: SearchTask,
        run_folder: RunFolder,
        record: StudyRecord,
        *,
        view: View,
        publish: Publish,
    ) -> None:
        self._task = task
        self._run_folder = run_folder
        self._checkpoints = run_folder.path / "checkpoints"
        self._record = record
        self._view = view
        self._tables = Publisher(publish)
        self._started_s = time.monotonic()
        self._running: set[int] = set()
        self._is_exhausted = False
        self._pace = SamplerPace()
        self._costs = task.costs or CachedCosts(
            task.evaluator, max_failed_share=task.stopping.max_failed_share
        )
        self._study = SearchStudy(
            space=task.space,
            make_sampler=task.make_sampler,
            objectives=task.objectives,
            costs=self._costs,
            journal=record,
            records=record.history.records,
            notes=record.history.notes,
            constraints=task.constraints,
            seed=task.seed,
        )
        self._study.check_feasible()
        for key, note in task.notes.items():
            if record.history.notes.get(key) != note:
                record.noted(key, note)
        records = record.history.records
        self._tracker = FrontTracker(task.objectives, records)
        weights = FrontWeights(run_folder.models_dir)
        self._keeper = FrontKeeper(weights, objectives=task.objectives, records=records)
        # An evaluator of a user's may bring weights and not say so: then some are there.
        brings = getattr(task.evaluator, "brings_weights", run_folder.models_dir.is_dir())
        self._again = TrainingsAgain(
            self._keeper.missing() if brings else (),
            weights=weights,
            objectives=task.objectives,
        )

    def run(self, make_backend: Callable[[Evaluator], Backend]) -> SearchSummary:
        """SearchLoop until it is enough or a signal came; everything is on disk then."""
        is_interrupted = False
        if self._wants_trial():
            with own_handlers():  # a backend may set handlers of its own
                backend = make_backend(self._task.evaluator)
            with InterruptWatch() as interrupt:
                try:
                    self._view.start(self._plan(backend))
                    if self._again.numbers:
                        self._say(self._again.describe(self._task.trains_again))
                    self._turn(backend, interrupt)
                    is_interrupted = interrupt.requested
                    self._put_on_record(backend)
                except Exception:
                    self._leave_tables()
                    raise
                finally:
                    backend.close()
                self._leave_in_order()
        else:
            self._leave_in_order()
        return SearchSummary(
            records=tuple(self._study.records),
            num_redrawn=self._study.num_redrawn,
            num_known=self._study.num_known,
            elapsed_s=time.monotonic() - self._started_s,
            is_interrupted=is_interrupted,
            is_exhausted=self._is_exhausted,
            num_raised=self._costs.num_raised,
            without_weights=self._again.numbers,
        )

    def _wants_trial(self) -> bool:
        """Say whether one more trial should be handed out now."""
        return (
            self._wants_again()
            or self._study.has_waiting
            or self._study.num_prepared > 0
            or self._allows_another()
        )

    def _wants_again(self) -> bool:
        """Say whether a trial whose weights are gone should be handed out now."""
        stopping, is_wanted = self._task.stopping, self._task.trains_again
        has_time = stopping.allows_another(num_trials=0, started_s=self._started_s)
        return is_wanted and self._again.has_waiting and has_time

    def _allows_another(self) -> bool:
        """Say whether one more trial may be proposed."""
        return not self._is_exhausted and self._task.stopping.allows_another(
            num_trials=self._study.num_trials + self._study.num_prepared,
            started_s=self._started_s,
        )

    def _turn(self, backend: Backend, interrupt: InterruptWatch) -> None:
        """Turn until nothing runs and nothing more is wanted, or a signal came."""
        while not interrupt.requested:
            is_busy = self._fill(backend) or self._prepare_ahead(backend)
            if not self._running and not self._wants_trial():
                return
            results = backend.next_finished(timeout_s=0.0 if is_busy else TURN_S)
            for result in results:
                self._take(result)
            self._pace.ended(len(results))
            self._acknowledge(backend)
            if not results and not is_busy:
                self._view.tick(self._progress(backend))
        for result in backend.next_finished(timeout_s=0.0):
            self._take(result)

    def _fill(self, backend: Backend) -> bool:
        """Hand out trials to free slots for a while; say whether some may still be free."""
        until_s = time.monotonic() + FILL_S
        while (num_free := backend.num_free) > 0 and self._wants_trial():
            if time.monotonic() > until_s:
                return True
            if self._wants_again():
                spec = self._again.next(self._study)
            else:
                if not self._study.has_waiting and self._study.num_prepared == 0:
                    self._prepare(backend, idle_share=num_free / max(1, backend.num_slots))
                    if self._is_exhausted:
                        return False
                spec = replace(self._study.ask(), front=self._tracker.front_losses)
            self._running.add(spec.number)
            order = replace(
                spec,
                time_limit_s=self._task.trial_time_limit_s,
                checkpoint=str(self._checkpoints / str(spec.number)),
            )
            backend.submit(order)
        return False

    def _prepare_ahead(self, backend: Backend) -> bool:
        """Propose one trial while all slots are busy, if the sampler is slow; say whether."""
        if not backend.is_concurrent:  # it would spare no time, and know less
            return False
        num_wanted = self._pace.num_ahead(backend.num_slots)
        if self._study.num_prepared >= num_wanted or not self._allows_another():
            return False
        self._prepare(backend, idle_share=0.0)
        return True

    def _prepare(self, backend: Backend, *, idle_share: float) -> None:
        before_s, before_busy_s = time.monotonic(), time.thread_time()
        try:
            self._study.prepare()
        except SpaceExhausted as end:
            self._is_exhausted = True
            self._view.message(exhausted_line(end, num_trials=self._study.num_trials))
            return
        except ConstraintError as error:
            if self._costs.has_only_raised:  # which says more
                raise self._costs.failure() from error
            raise
        self._pace.asked(
            time.monotonic() - before_s,
            busy_s=time.thread_time() - before_busy_s,
            idle_share=idle_share,
        )
        warning = self._pace.warning(
            num_trials=self._study.num_trials, num_slots=backend.num_slots
        )
        if warning is not None:
            _LOG.warning(warning)
            self._view.message(warning)

    def _take(self, result: TrialResult) -> None:
        """Weights first, then the record: a trial that is on record has its weights."""
        self._running.discard(result.number)
        if result.number in self._again:
            for line in self._again.take(result):
                self._say(line)
                self._drop_checkpoint(result.number)
            return
        ended = self._study.tell(result, keep=lambda told: self._keeper.save(result, told))
        for record in ended:
            self._tracker.add(record)
            _LOG.info("%s", trial_line(record, self._task.objectives))
        if ended:
            self._drop_checkpoint(result.number)

    def _drop_checkpoint(self, number: int) -> None:
        remove_own(self._checkpoints / str(number), CHECKPOINT_FILES)

    def _say(self, line: str) -> None:
        _LOG.info("%s", line)
        self._view.message(line)

    def _acknowledge(self, backend: Backend) -> None:
        """Give up if too many failed; tell the view of trials that are on disk by now."""
        # Not only when something was written: a short search may end before the first write.
        stopping, now = self._task.stopping, self._tracker
        if stopping.is_failing(now.num_failed, num_ended=now.num_done):
            raise stopping.failure(self._study.records)
        written = self._record.acknowledged()
        if not written:
            return
        self._keeper.written(written)
        progress = self._progress(backend)
        for record in written:
            self._view.trial_finished(record, progress)
        self._tables.publish_if_due(lambda: self._study.records)

    def _put_on_record(self, backend: Backend) -> None:
        """Wait until everything that was told is on disk."""
        progress = self._progress(backend)
        written = self._record.flush()
        self._keeper.written(written)
        for record in written:
            self._view.trial_finished(record, progress)

    def _leave_in_order(self) -> None:
        self._keeper.tidy()
        self._tables.publish(self._study.records)

    def _leave_tables(self) -> None:
        """Write what there is after an error, which must not be hidden by another one."""
        try:
            self._keeper.written(self._record.flush())
            self._tables.publish(self._study.records)
        except Exception:  # noqa: BLE001 - the error that ends the search is on its way
            _LOG.warning("the tables could not be written", exc_info=True)

    def _progress(self, backend: Backend) -> Progress:
        return self._tracker.progress(
            self._study,
            self._task.stopping,
            num_running=len(self._running),
            num_slots=backend.num_slots,
            elapsed_s=time.monotonic() - self._started_s,
        )

    def _plan(self, backend: Backend) -> SearchPlan:
        return SearchPlan(
            name=self._run_folder.name,
            run_folder=str(self._run_folder.path),
            num_trials=self._task.stopping.num_trials,
            objectives=self._task.objectives,
            num_architectures=self._task.space.num_architectures(),
            num_slots=backend.num_slots,
            num_resumed=self._tracker.num_resumed,
        )
