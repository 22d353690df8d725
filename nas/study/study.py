"""The working study: ask for a trial, tell its result, take up where an earlier command stopped.

Optuna's study lives in memory; the record beside it (`nas.study.journal`) is the truth on disk,
written behind. Telling is idempotent, because a worker that was given up for lost may have
finished after all.
"""

import math
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol, TypeAlias

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from nas.objective import Constraint, Objective, losses
from nas.sampling.distributions import flat_distributions
from nas.seeding import derive_seed, generator
from nas.space.space import SearchSpace
from nas.study.optuna_trial import OPTUNA_STATES, optuna_values
from nas.study.proposals import Costs, Proposer
from nas.study.proposing import ProposingSampler
from nas.study.variants import records_of_variants
from nas.study.working_storage import storage_for
from nas.trial import Failure, FailureKind, TrialRecord, TrialResult, TrialSpec, TrialState

SamplerFactory: TypeAlias = Callable[[int], BaseSampler]


class Recorder(Protocol):
    """Where a study writes down what happens; `StudyJournal` is one."""

    def started(self, record: TrialRecord) -> None:
        """Note that a trial runs."""
        ...

    def finished(self, record: TrialRecord, variants: Sequence[TrialRecord] = ()) -> None:
        """Note a trial's end, and the variants of its network."""
        ...

    def noted(self, key: str, value: Any) -> None:
        """Keep what the sampler noted with the study."""
        ...


class SearchStudy:
    """Hands out trials and takes their results.

    Args:
        space: what architectures are drawn from.
        make_sampler: seed -> sampler; the run's seed at first, another one after a resume.
        objectives: in the order of the study's directions.
        costs: static costs of an architecture; None for one that cannot be built.
        journal: the durable record, open for appending.
        records: what the journal held when it was opened.
        notes: what the sampler had noted with the study by then.
        constraints: limits on static costs.
        seed: the run's seed.
    """

    def __init__(
        self,
        *,
        space: SearchSpace,
        make_sampler: SamplerFactory,
        objectives: Sequence[Objective],
        costs: Costs,
        journal: Recorder,
        records: Sequence[TrialRecord] = (),
        notes: Mapping[str, Any] | None = None,
        constraints: Sequence[Constraint] = (),
        seed: int = 0,
    ) -> None:
        self.objectives = tuple(objectives)
        self._space = space
        self._seed = seed
        self._journal = journal
        self._costs = costs
        self._flat = flat_distributions(space)
        self._proposer = Proposer(space, costs=costs, constraints=constraints)
        self._records: dict[int, TrialRecord] = {}
        self._attempts: Counter[int] = Counter()
        self._waiting: deque[TrialSpec] = deque()
        self._prepared: deque[TrialRecord] = deque()
        # Numbers of trainings -> numbers in the working study, which has no variants.
        self._places: dict[int, int] = {}
        sampler = make_sampler(derive_seed(seed, "sampler", len(records)) if records else seed)
        self._sampler = ProposingSampler(
            sampler, space=space, flat=self._flat, proposer=self._proposer, seed=seed
        )
        self._storage = storage_for(sampler)
        self._study = optuna.create_study(
            storage=self._storage,
            directions=[objective.direction.value for objective in objectives],
            sampler=self._sampler,
        )
        for key, value in (notes or {}).items():
            self._storage.set_study_system_attr(self._study._study_id, key, value)
        self._noted = self._storage.study_notes()
        for record in records:
            self._restore(record)

    @property
    def records(self) -> list[TrialRecord]:
        """All trials and variants, in order of number."""
        return list(self._records.values())

    def record(self, number: int) -> TrialRecord:
        """Return one trial as it stands."""
        return self._records[number]

    @property
    def num_redrawn(self) -> int:
        """Proposals that were drawn again, because they were known or not allowed."""
        return self._proposer.num_redrawn

    @property
    def num_known(self) -> int:
        """Of `num_redrawn`, those that were known."""
        return self._proposer.num_known

    @property
    def num_trials(self) -> int:
        """Trials that were handed out, whatever came of them; variants are none."""
        return len(self._places)

    @property
    def has_waiting(self) -> bool:
        """Some trials are to be handed out again before any new one is asked for."""
        return bool(self._waiting)

    @property
    def num_prepared(self) -> int:
        """New trials that were proposed ahead and not yet handed out."""
        return len(self._prepared)

    def check_feasible(self) -> None:
        """Make sure that the constraints leave something.

        Raises:
            ConstraintError: they do not.
        """
        self._proposer.check_feasible(generator(self._seed, "feasible"))

    def prepare(self) -> None:
        """Propose one trial ahead of its `ask`; one that is never asked for leaves no trace.

        Raises:
            SpaceExhausted: every allowed architecture is in the study.
            ConstraintError: no architecture keeps the constraints.
        """
        trial = self._study.ask()
        genome = trial.relative_params
        self._storage.set_params(trial._trial_id, genome, self._flat)
        proposal = self._sampler.proposal
        self._prepared.append(
            TrialRecord(
                number=trial.number,
                architecture=proposal.architecture,
                state=TrialState.RUNNING,
                metrics=proposal.static_costs,
                sampler_notes=self._storage.get_trial(trial._trial_id).system_attrs,
            )
        )

    def ask(self) -> TrialSpec:
        """Return the next trial: one that lost its worker, else one prepared, else a new one.

        Raises:
            SpaceExhausted: every allowed architecture is in the study.
            ConstraintError: no architecture keeps the constraints.
        """
        if self._waiting:
            return self._waiting.popleft()
        if not self._prepared:
            self.prepare()
        prepared = self._prepared.popleft()
        record = replace(prepared, number=len(self._records), started_s=_now_s())
        self._places[record.number] = prepared.number
        self._records[record.number] = record
        self._pass_on_notes()
        self._journal.started(record)
        return self._spec(record)

    def order_again(self, number: int, *, attempt: int) -> TrialSpec:
        """Return the order of a trial that has ended, to train it once more as it was."""
        record = self._records[number]
        costs = self._costs(record.architecture) or {}
        return replace(self._spec(replace(record, metrics=costs)), attempt=attempt)

    def tell(
        self, result: TrialResult, *, keep: Callable[[Sequence[TrialRecord]], None] | None = None
    ) -> list[TrialRecord]:
        """Take a result; a lost trial goes back to the queue, and a second result is ignored.

        Args:
            result: what came of a trial.
            keep: called with what will be returned, before any of it is on record.

        Returns:
            The ended trial and its variants; nothing where it has not ended or had ended before.
        """
        record = self._records[result.number]
        if record.state is not TrialState.RUNNING:
            return []
        if result.failure is not None and result.failure.kind is FailureKind.LOST:
            if result.attempt == self._attempts[record.number]:
                self._attempts[record.number] += 1
                self._waiting.append(self._spec(record))
            return []
        if result.attempt != self._attempts[record.number]:  # given up for lost, and back
            self._waiting = deque(s for s in self._waiting if s.number != record.number)
        ended = _ended(record, result, self.objectives)
        variants = self._variants_of(ended, result)
        if keep is not None:
            keep([ended, *variants])
        self._records |= {told.number: told for told in (ended, *variants)}
        state, values = OPTUNA_STATES[ended.state], optuna_values(ended, self.objectives)
        # Study.tell does the same and returns a deep copy of the trial.
        running = self._storage.get_trial(self._places[ended.number])
        self._sampler.after_trial(self._study, running, state, values)
        self._storage.set_trial_state_values(running.number, state, values)
        self._journal.finished(ended, variants)
        return [ended, *variants]

    def _variants_of(self, ended: TrialRecord, result: TrialResult) -> list[TrialRecord]:
        if not result.variants or ended.state is not TrialState.COMPLETE:
            return []
        # Only what was handed out before may have variants on record: its driver was killed.
        earlier = self._records.values() if self._attempts[ended.number] else ()
        known = {r.variant for r in earlier if r.parent == ended.number}
        return records_of_variants(
            ended,
            result.variants,
            objectives=self.objectives,
            first_number=len(self._records),
            known=known,
        )

    def _pass_on_notes(self) -> None:
        notes = self._storage.study_notes()
        if notes is self._noted:  # the storage replaces the whole mapping at each change
            return
        for key, value in notes.items():
            if key not in self._noted or self._noted[key] != value:
                self._journal.noted(key, value)
        self._noted = notes

    def _spec(self, record: TrialRecord) -> TrialSpec:
        return TrialSpec(
            number=record.number,
            architecture=record.architecture,
            seed=derive_seed(self._seed, "trial", record.architecture.id),
            static_costs=record.metrics,
            attempt=self._attempts[record.number],
        )

    def _restore(self, record: TrialRecord) -> None:
        """Put a trial of an earlier command into the working study; a running one waits again."""
        is_running = record.state is TrialState.RUNNING
        if is_running:
            # A crash between the lines of an ending leaves some of its metrics on record.
            record = replace(record, metrics=self._costs(record.architecture) or {})
        self._records[record.number] = record
        if record.parent is not None:
            return
        self._places[record.number] = len(self._places)
        self._proposer.remember(record.architecture)
        self._storage.add(
            FrozenTrial(
                number=record.number,
                trial_id=record.number,
                state=OPTUNA_STATES[record.state],
                value=None,
                values=optuna_values(record, self.objectives),
                params=self._space.genome(record.architecture),
                distributions=self._flat,
                datetime_start=datetime.fromtimestamp(record.started_s),
                datetime_complete=None
                if record.finished_s is None
                else datetime.fromtimestamp(record.finished_s),
                user_attrs={},
                system_attrs=dict(record.sampler_notes),
                intermediate_values={},
            )
        )
        if is_running:
            self._attempts[record.number] += 1
            self._waiting.append(self._spec(record))


def _ended(
    record: TrialRecord, result: TrialResult, objectives: Sequence[Objective]
) -> TrialRecord:
    metrics = {**record.metrics, **result.metrics, "seconds": result.seconds}
    finite = {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
    state, failure = result.state, result.failure
    if failure is not None:
        failure = replace(failure)  # masked anew: workers do not know the driver's passwords
    if state is TrialState.COMPLETE and losses(objectives, finite) is None:
        absent = [o.metric for o in objectives if o.metric not in finite]
        state = TrialState.FAILED
        failure = Failure(
            FailureKind.NONFINITE, f"no finite value of {', '.join(absent)} was measured"
        )
    now_s, parts_s = _now_s(), dict(result.parts_s)
    if parts_s:
        parts_s["wait"] = max(0.0, now_s - record.started_s - sum(parts_s.values()))
    return replace(
        record,
        state=state,
        metrics=finite,
        seconds=result.seconds,
        budget=result.budget,
        failure=failure,
        finished_s=now_s,
        parts_s=parts_s,
    )


def _now_s() -> float:
    """Return the time since the epoch to the microsecond, which is what the record keeps."""
    return datetime.now().timestamp()
