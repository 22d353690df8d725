"""The search: ask for trials, hand them out, take results, write them down, until it is enough.

Asynchronous throughout: a slot is filled again the moment it is free, and nothing waits for a
generation or a batch. A `SearchStudy` proposes and remembers, a `Dispatcher` hands trials out to a
`Backend`, an `Intake` takes their results, stop rules say when it is enough, a `View` watches.
"""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypedDict

from nas.engine.beliefs import keep_beliefs
from nas.engine.costs import CachedCosts
from nas.engine.dispatcher import Dispatcher
from nas.engine.front_keeper import FrontKeeper
from nas.engine.front_tracker import FrontTracker
from nas.engine.intake import Intake, WeightKeeper
from nas.engine.interrupt import InterruptWatch, waits_for_trainings
from nas.engine.preparing import prepare_run
from nas.engine.publishing import Publish, Publisher
from nas.engine.reference_trainings import ReferenceTrainings
from nas.engine.relatives import Relatives
from nas.engine.rungs import Rungs
from nas.engine.task import SearchSummary, SearchTask
from nas.engine.trainings_again import TrainingsAgain
from nas.engine.view import Progress, SearchPlan, View
from nas.engine.weights import FrontWeights, brings_weights
from nas.evaluation.evaluator import Evaluator
from nas.execution.backend import Backend
from nas.record.beliefs import BELIEVED_CSV
from nas.record.lease import Lease
from nas.record.references import REFERENCES_CSV
from nas.record.run_folder import LEASE, RunFolder
from nas.study.heritage import NO_HERITAGE
from nas.study.record import StudyRecord
from nas.study.study import SearchStudy
from nas.trial import TrialRecord, TrialResult

_LOG = logging.getLogger(__name__)

TURN_S = 0.5  # the longest wait before the view is told, and a signal is seen


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
    """Search until it is enough, and leave everything on disk.

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


class _Shared(TypedDict):
    """What hands trials out and what takes their results both know."""

    tracker: FrontTracker
    again: TrainingsAgain
    references: ReferenceTrainings
    checkpoints: Path
    rungs: Rungs | None
    view: View


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
        started_s = time.monotonic()
        self._task, self._run_folder, self._view = task, run_folder, view
        self._costs = task.costs or CachedCosts(
            task.evaluator, max_failed_share=task.stopping.max_failed_share
        )
        records = record.history.records
        self._relatives = _relatives_of(task, run_folder, records)
        self._study = self._open_study(record)
        self._tracker = FrontTracker(task.objectives, records)
        keepers = self._open_weights(records)
        checkpoints = run_folder.path / "checkpoints"
        shared: _Shared = {
            "tracker": self._tracker,
            "again": self._again,
            "references": self._reference_trainings(),
            "checkpoints": checkpoints,
            "rungs": self._open_rungs(records, checkpoints),
            "view": view,
        }
        self._intake = Intake(
            self._study,
            record,
            objectives=task.objectives,
            keepers=keepers,
            tables=Publisher(publish),
            **shared,
        )
        self._intake.tidy_checkpoints()
        self._dispatcher = Dispatcher(
            task,
            self._study,
            costs=self._costs,
            complete=None if self._relatives is None else self._relatives.order,
            started_s=started_s,
            settle=record.settle,
            **shared,
        )

    def _open_weights(self, records: Sequence[TrialRecord]) -> list[WeightKeeper]:
        """Return who keeps weights, once it is known which are missing."""
        task, weights = self._task, FrontWeights(self._run_folder.models_dir)
        keeper = FrontKeeper(weights, objectives=task.objectives, records=records)
        missing = keeper.missing() if brings_weights(task.evaluator, weights) else ()
        self._again = TrainingsAgain(missing, weights=weights, objectives=task.objectives)
        return [keeper] if self._relatives is None else [keeper, self._relatives]

    def _open_rungs(self, records: Sequence[TrialRecord], checkpoints: Path) -> Rungs | None:
        plan = self._task.rungs
        if plan is None:
            return None
        return Rungs(
            plan,
            objectives=self._task.objectives,
            study=self._study,
            records=records,
            checkpoints=checkpoints,
        )

    def _reference_trainings(self) -> ReferenceTrainings:
        task = self._task
        return ReferenceTrainings(
            task.references,
            task.hand_made,
            path=self._run_folder.path / REFERENCES_CSV,
            objectives=task.objectives,
            seed=task.seed,
            most_share=task.most_hand_made,
            num_macs=lambda architecture: task.evaluator.static_costs(architecture)["num_macs"],
        )

    def _open_study(self, record: StudyRecord) -> SearchStudy:
        task, notes = self._task, record.history.notes
        study = SearchStudy(
            space=task.space,
            make_sampler=task.make_sampler,
            objectives=task.objectives,
            costs=self._costs,
            journal=record,
            records=record.history.records,
            notes=notes,
            constraints=task.constraints,
            limits=task.limits,
            seed=task.seed,
            heritage=NO_HERITAGE if self._relatives is None else self._relatives,
            shares=(1.0,) if task.rungs is None else task.rungs.shares,
        )
        study.check_feasible()
        for key, note in task.notes.items():
            if notes.get(key) != note:
                record.noted(key, note)
        return study

    def run(self, make_backend: Callable[[Evaluator], Backend]) -> SearchSummary:
        """Search until it is enough or a signal came; everything is on disk then."""
        is_interrupted = False
        if self._dispatcher.wants_trial():
            say = self._intake.say
            is_interrupted = not prepare_run(
                self._task.evaluator, self._run_folder.path, seed=self._task.seed, say=say
            )
        if self._dispatcher.wants_trial() and not is_interrupted:
            backend = make_backend(self._task.evaluator)
            waits_for = waits_for_trainings(is_concurrent=backend.is_concurrent)
            with InterruptWatch(waits_for) as interrupt:
                try:
                    self._begin(backend)
                    self._turn(backend, interrupt)
                    is_interrupted = interrupt.requested
                    if not is_interrupted:
                        self._intake.stop_all()
                    self._intake.put_on_record(lambda: self._progress(backend))
                except Exception:
                    self._intake.leave_tables()
                    raise
                finally:
                    backend.close()
        self._intake.leave_in_order(is_over=not is_interrupted)
        keep_beliefs(self._study, self._run_folder.path / BELIEVED_CSV)
        return self._summary(is_interrupted=is_interrupted)

    def _begin(self, backend: Backend) -> None:
        self._view.start(self._plan(backend))
        if self._again.numbers:
            self._intake.say(self._again.describe(self._task.trains_again))

    def _turn(self, backend: Backend, interrupt: InterruptWatch) -> None:
        """Turn until nothing runs and nothing more is wanted, or a signal came."""
        out = self._dispatcher
        while not interrupt.requested:
            is_busy = out.fill(backend) or out.prepare_ahead(backend)
            if not out.running and not out.wants_trial():
                return
            if out.running and self._task.stopping.cuts(out.state()):
                self._intake.say(out.cut_line())
                return
            if not is_busy:
                self._view.tick(self._progress(backend))
            results = backend.next_finished(timeout_s=0.0 if is_busy else TURN_S)
            for result in results:
                self._take(result)
            if results:
                self._intake.stop_hopeless()
                out.study_changed()
            out.ended(len(results))
            # Asked here too, since a short search may end before anything is on disk: a rule
            # raises when too many trials failed.
            self._task.stopping.why_end(out.state())
            self._intake.acknowledge(lambda: self._progress(backend))
        for result in backend.next_finished(timeout_s=0.0):
            self._take(result)

    def _take(self, result: TrialResult) -> None:
        self._dispatcher.running.discard(result.number)
        self._intake.take(result)

    def _summary(self, *, is_interrupted: bool) -> SearchSummary:
        out = self._dispatcher
        if not is_interrupted:
            _LOG.info("the search ended: %s", out.why_ended)
        return SearchSummary(
            records=tuple(self._study.records),
            num_redrawn=self._study.num_redrawn,
            num_known=self._study.num_known,
            elapsed_s=out.elapsed_s,
            is_interrupted=is_interrupted,
            is_exhausted=out.is_exhausted,
            num_raised=self._costs.num_raised,
            without_weights=self._again.numbers,
            why_ended="" if is_interrupted else out.why_ended,
            num_resumed=self._tracker.num_resumed,
        )

    def _progress(self, backend: Backend) -> Progress:
        state, stopping = self._dispatcher.state(), self._task.stopping
        return Progress(
            num_trials=stopping.num_trials,
            num_done=state.num_done,
            num_running=len(self._dispatcher.running),
            num_paused=len(self._study.paused),
            num_failed=state.num_failed,
            num_redrawn=self._study.num_redrawn,
            num_known=self._study.num_known,
            num_slots=backend.num_slots,
            front=[self._study.record(number) for number in self._tracker.front_numbers],
            elapsed_s=state.elapsed_s,
            remaining_s=stopping.remaining_s(state),
            sampler_share=self._dispatcher.sampler_share,
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
            limits=self._task.limits,
            constraints=self._task.constraints,
            seeks_best=self._task.seeks_best,
        )


def _relatives_of(
    task: SearchTask, run_folder: RunFolder, records: Sequence[TrialRecord]
) -> Relatives | None:
    if task.inheritance is None:
        return None
    parameters = task.space.parameters
    return Relatives(run_folder, parameters=parameters, plan=task.inheritance, records=records)
