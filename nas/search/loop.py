"""The search: ask for trials, hand them out, take results, write them down, until it is enough.

Asynchronous throughout: a slot is filled again the moment it is free, and nothing waits for a
generation or a batch. What the loop knows of anything it hears through contracts: `SearchStudy`
proposes and remembers, a `Backend` runs, a `View` watches.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from nas.architecture import Architecture
from nas.errors import UnbuildableError
from nas.evaluation.evaluator import Evaluator
from nas.execution.backend import Backend
from nas.files import Lease
from nas.objective import Constraint, Objective, losses
from nas.pareto.dominance import Front
from nas.record.run_folder import RunFolder
from nas.sampling.distributions import flat_distributions
from nas.sampling.journal import StudyJournal, load_records
from nas.sampling.proposals import SpaceExhausted
from nas.sampling.study import SamplerFactory, SearchStudy
from nas.search.interrupt import InterruptWatch
from nas.search.stopping import Stopping
from nas.search.view import Progress, SearchPlan, View
from nas.search.weights import FrontWeights
from nas.space.space import SearchSpace
from nas.trial import TrialRecord, TrialResult, TrialState

_LOG = logging.getLogger(__name__)

TURN_S = 0.5  # the longest wait before the view is told, and a signal is seen
PUBLISH_EVERY_S = 10.0
# Asks between two looks at the workers, so that filling many slots does not starve results.
MAX_ASKS_PER_TURN = 64

Publish = Callable[[Sequence[TrialRecord]], None]


@dataclass(frozen=True)
class SearchTask:
    """What a search is about.

    Attributes:
        space: what architectures are drawn from.
        evaluator: judges them.
        objectives: what is made better.
        make_sampler: seed -> Optuna sampler.
        constraints: limits on static costs.
        stopping: when it ends.
        seed: of everything random.
        trial_time_limit_s: a trial that takes longer fails; None for no limit.
    """

    space: SearchSpace
    evaluator: Evaluator
    objectives: tuple[Objective, ...]
    make_sampler: SamplerFactory
    constraints: tuple[Constraint, ...] = ()
    stopping: Stopping = field(default_factory=Stopping)
    seed: int = 0
    trial_time_limit_s: float | None = None


@dataclass(frozen=True)
class SearchSummary:
    """What came of a search.

    Attributes:
        records: all trials of the run, in order of number.
        num_redrawn: proposals that were drawn again before any training.
        elapsed_s: wall time of this command.
        is_interrupted: Ctrl-C or SIGTERM ended it; resuming goes on.
        is_exhausted: every architecture that the constraints allow was tried.
    """

    records: tuple[TrialRecord, ...]
    num_redrawn: int
    elapsed_s: float
    is_interrupted: bool
    is_exhausted: bool


def run_search(
    task: SearchTask,
    *,
    run_folder: RunFolder,
    make_backend: Callable[[Evaluator], Backend],
    view: View,
    publish: Publish,
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

    Raises:
        ConstraintError: no architecture keeps the constraints.
        ExecutionError: workers cannot be had, or too many trials failed.
        RunFolderError: another process searches in this folder, or it cannot be written.
    """
    lease = Lease(run_folder.path / ".lease")
    try:
        journal_path = run_folder.study_journal
        records = load_records(journal_path) if journal_path.exists() else []
        journal = StudyJournal(
            journal_path,
            name=run_folder.name,
            objectives=task.objectives,
            distributions=flat_distributions(task.space),
        )
        try:
            return _search(task, run_folder, journal, records, make_backend, view, publish)
        finally:
            journal.close()
    finally:
        view.close()
        lease.release()


def _search(
    task: SearchTask,
    run_folder: RunFolder,
    journal: StudyJournal,
    records: Sequence[TrialRecord],
    make_backend: Callable[[Evaluator], Backend],
    view: View,
    publish: Publish,
) -> SearchSummary:
    study = SearchStudy(
        space=task.space,
        make_sampler=task.make_sampler,
        objectives=task.objectives,
        costs=CachedCosts(task.evaluator),
        journal=journal,
        records=records,
        constraints=task.constraints,
        seed=task.seed,
    )
    study.check_feasible()
    search = _Search(task, study, journal, FrontWeights(run_folder.models_dir), view, publish)
    if not search.wants_trial():
        return search.summary(is_interrupted=False)
    backend = make_backend(task.evaluator)
    try:
        view.start(_plan(task, run_folder, backend, num_resumed=search.num_done))
        with InterruptWatch() as interrupt:
            search.run(backend, interrupt)
        return search.summary(is_interrupted=interrupt.requested)
    finally:
        backend.close()
        search.put_on_record()


class _Search:
    """The state of a running search."""

    def __init__(
        self,
        task: SearchTask,
        study: SearchStudy,
        journal: StudyJournal,
        weights: FrontWeights,
        view: View,
        publish: Publish,
    ) -> None:
        self._task = task
        self._study = study
        self._journal = journal
        self._weights = weights
        self._view = view
        self._publish = publish
        self._started_s = self._published_s = time.monotonic()
        self._front = Front()
        self._running: set[int] = set()
        self._is_exhausted = False
        self.num_done = self._num_failed = self._num_done_before = 0
        for record in study.records:
            self._count(record)
        self._num_done_before = self.num_done

    def wants_trial(self) -> bool:
        """Say whether one more trial should start now."""
        if self._study.has_waiting:
            return True
        return not self._is_exhausted and self._task.stopping.allows_another(
            num_trials=self._study.num_trials, started_s=self._started_s
        )

    def run(self, backend: Backend, interrupt: InterruptWatch) -> None:
        """Turn until nothing runs and nothing more is wanted, or a signal came."""
        while not interrupt.requested:
            self._fill(backend)
            if not self._running and not self.wants_trial():
                return
            results = backend.next_finished(timeout_s=TURN_S)
            for result in results:
                self._take(result)
            self._acknowledge(backend)
            if not results:
                self._view.tick(self._progress(backend))

    def put_on_record(self) -> None:
        """Write what waits, then the tables."""
        for record in self._journal.close():
            _LOG.info("trial %d is on disk", record.number)
        self._publish(self._study.records)

    def summary(self, *, is_interrupted: bool) -> SearchSummary:
        """Return what came of it."""
        return SearchSummary(
            records=tuple(self._study.records),
            num_redrawn=self._study.num_redrawn,
            elapsed_s=time.monotonic() - self._started_s,
            is_interrupted=is_interrupted,
            is_exhausted=self._is_exhausted,
        )

    def _fill(self, backend: Backend) -> None:
        for _ in range(min(backend.num_free, MAX_ASKS_PER_TURN)):
            if not self.wants_trial():
                return
            try:
                spec = self._study.ask()
            except SpaceExhausted:
                self._is_exhausted = True
                self._view.message(
                    f"all {self._study.num_trials} architectures that the space and its "
                    "constraints allow are known: the search is complete"
                )
                return
            limit, front = self._task.trial_time_limit_s, self._front_losses()
            backend.submit(replace(spec, time_limit_s=limit, front=front))
            self._running.add(spec.number)

    def _take(self, result: TrialResult) -> None:
        """Weights first, then the record: a trial that is on record has its weights."""
        self._running.discard(result.number)
        number, values = result.number, losses(self._task.objectives, result.metrics)
        architecture = self._study.record(number).architecture
        joins = values is not None and self._front.would_take(values)
        if joins and result.weights is not None and result.state is TrialState.COMPLETE:
            self._weights.save(number, architecture=architecture, weights=result.weights)
        record = self._study.tell(result)
        if record is not None:
            self._count(record)
            _log_trial(record, self._task.objectives)
            if joins:
                self._weights.keep_only([int(key) for key, _ in self._front.members()])

    def _count(self, record: TrialRecord) -> None:
        if record.state is TrialState.RUNNING:
            return
        self.num_done += 1
        self._num_failed += record.state is TrialState.FAILED
        values = losses(self._task.objectives, record.metrics)
        if record.state is TrialState.COMPLETE and values is not None:
            self._front.add(str(record.number), values)

    def _acknowledge(self, backend: Backend) -> None:
        progress = self._progress(backend)
        written = self._journal.acknowledged()
        for record in written:
            self._view.trial_finished(record, progress)
        if not written:
            return
        self._task.stopping.check_failures(
            self._num_failed, num_ended=self.num_done, records=self._study.records
        )
        if time.monotonic() - self._published_s > PUBLISH_EVERY_S:
            self._publish(self._study.records)
            self._published_s = time.monotonic()

    def _front_losses(self) -> tuple[tuple[float, ...], ...]:
        return tuple(point for _, point in self._front.members())

    def _progress(self, backend: Backend) -> Progress:
        elapsed = time.monotonic() - self._started_s
        total = self._task.stopping.num_trials
        done_now = self.num_done - self._num_done_before
        remaining = None
        if total is not None and done_now:
            remaining = elapsed / done_now * max(0, total - self.num_done)
        if self._task.stopping.time_limit_s is not None:
            left = max(0.0, self._task.stopping.time_limit_s - elapsed)
            remaining = left if remaining is None else min(remaining, left)
        return Progress(
            num_trials=total,
            num_done=self.num_done,
            num_running=len(self._running),
            num_failed=self._num_failed,
            num_redrawn=self._study.num_redrawn,
            num_slots=backend.num_slots,
            front=[self._study.record(int(key)) for key, _ in self._front.members()],
            elapsed_s=elapsed,
            remaining_s=remaining,
        )


class CachedCosts:
    """Static costs, counted once per architecture.

    A space's `build` that raises costs nothing here: the trial is handed out, fails in its worker
    and leaves its traceback in the record.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._known: dict[str, dict[str, float] | None] = {}

    def __call__(self, architecture: Architecture) -> dict[str, float] | None:
        """Return metric name -> value; None if there is no such architecture."""
        if architecture.id not in self._known:
            self._known[architecture.id] = self._count(architecture)
        return self._known[architecture.id]

    def _count(self, architecture: Architecture) -> dict[str, float] | None:
        try:
            return dict(self._evaluator.static_costs(architecture))
        except UnbuildableError:
            return None
        except Exception:  # noqa: BLE001 - a user's build may raise anything
            _LOG.warning("the static costs of %s are unknown", architecture, exc_info=True)
            return {}


def _plan(
    task: SearchTask, run_folder: RunFolder, backend: Backend, *, num_resumed: int
) -> SearchPlan:
    return SearchPlan(
        name=run_folder.name,
        run_folder=str(run_folder.path),
        num_trials=task.stopping.num_trials,
        objectives=task.objectives,
        num_architectures=task.space.num_architectures(),
        num_slots=backend.num_slots,
        num_resumed=num_resumed,
    )


def _log_trial(record: TrialRecord, objectives: Sequence[Objective]) -> None:
    values = " ".join(
        f"{o.metric}={record.metrics.get(o.metric, float('nan')):g}" for o in objectives
    )
    why = f" {record.failure.kind}: {record.failure.message}" if record.failure else ""
    _LOG.info(
        "trial %d %s %s%s in %.1f s",
        record.number,
        record.state.value,
        values,
        why,
        record.seconds,
    )
