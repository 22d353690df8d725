"""The working study: ask for a trial, tell its result, continue after an earlier command.

Optuna's study lives in memory; the record beside it (`nas.study.journal`) is the truth on disk,
written behind. Telling is idempotent, because a worker that was given up for lost may have
finished after all.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import optuna
from optuna.samplers import BaseSampler

from nas.objective import Constraint, Objective
from nas.record.beliefs import Beliefs
from nas.sampling.distributions import flat_distributions
from nas.sampling.rungs import SECONDS_KEY, WAITING_KEY, DecidesRungs
from nas.seeding import derive_seed, generator
from nas.space.space import SearchSpace
from nas.study.beliefs import beliefs_of
from nas.study.heritage import NO_HERITAGE, Heritage, with_relative_at_hand
from nas.study.optuna_trial import (
    OPTUNA_STATES,
    as_trial,
    constraint_attributes,
    optuna_values,
    rung_attribute,
)
from nas.study.outcomes import ended_record, now_s, stopped_record, with_rung
from nas.study.proposals import Costs, Proposer
from nas.study.proposing import ProposingSampler
from nas.study.recorder import Recorder
from nas.study.variants import records_of_variants
from nas.study.working_storage import storage_for
from nas.trial import FailureKind, TrialRecord, TrialResult, TrialSpec, TrialState

SamplerFactory: TypeAlias = Callable[[int], BaseSampler]


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
        limits: on what training measures; Optuna's samplers are told by how much each is broken.
        seed: the run's seed.
        heritage: weights that new trials may start from.
        shares: of a full training at which a trial waits to be promoted, up to 1.
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
        limits: Sequence[Constraint] = (),
        seed: int = 0,
        heritage: Heritage = NO_HERITAGE,
        shares: Sequence[float] = (1.0,),
    ) -> None:
        self.objectives = tuple(objectives)
        self._heritage = heritage
        self._space, self._limits = space, tuple(limits)
        self._seed = seed
        self._journal = journal
        self._costs = costs
        self._flat = flat_distributions(space)
        self._proposer = Proposer(space, costs=costs, constraints=constraints)
        self._records: dict[int, TrialRecord] = {}
        self._attempts: Counter[int] = Counter()
        self._waiting: deque[TrialSpec] = deque()
        self._prepared: deque[TrialRecord] = deque()
        self._shares = tuple(shares)
        self._paused: dict[int, None] = {}
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
        """Trials that were handed out, whether or not they succeeded; variants do not count."""
        return len(self._places)

    @property
    def has_waiting(self) -> bool:
        """Some trials are to be handed out again before any new one is asked for."""
        return bool(self._waiting)

    @property
    def num_prepared(self) -> int:
        """New trials that were proposed ahead and not yet handed out."""
        return len(self._prepared)

    @property
    def paused(self) -> list[TrialRecord]:
        """Trials that wait at a rung, in the order in which they reached it."""
        return [self._records[number] for number in self._paused]

    @property
    def has_paused(self) -> bool:
        """Some trials wait at a rung."""
        return bool(self._paused)

    def beliefs(self) -> Beliefs:
        """Return what the sampler believes of noisy results; nothing where it has no model."""
        sampler, objectives = self._sampler.inner, self.objectives
        return beliefs_of(sampler, self._study, numbers=self._places, objectives=objectives)

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
        number, relative = len(self._records), self._heritage.nearest(prepared.architecture)
        record = replace(prepared, number=number, started_s=now_s(), inherited_from=relative)
        self._places[record.number] = prepared.number
        self._records[record.number] = record
        self._pass_on_notes()
        self._journal.started(record)
        return self._spec(record)

    def promote(self, number: int) -> TrialSpec:
        """Return the order of a paused trial, to go on to its next rung."""
        del self._paused[number]
        self._storage.set_trial_user_attr(self._places[number], WAITING_KEY, False)
        return self._spec(self._records[number])

    def promotion(self, *, may_start: bool) -> int | None:
        """Ask the sampler which paused trial goes on now; None for a new trial, or for no trial.

        Args:
            may_start: whether a new trial may start.
        """
        assert isinstance(self._sampler.inner, DecidesRungs), "the sampler was asked before"
        place = self._sampler.inner.promotion(self._study, self._shares, may_start=may_start)
        paused = {self._places[number]: number for number in self._paused}
        return None if place is None else paused[place]

    def stop(self, number: int) -> TrialRecord:
        """Stop a paused trial for good, and return its record."""
        del self._paused[number]
        stopped = stopped_record(self._records[number])
        self._end(stopped)
        return stopped

    def order_again(self, number: int, *, attempt: int) -> TrialSpec:
        """Return the order of a trial that has ended, to train it once more as it was."""
        record = self._records[number]
        costs = self._costs(record.architecture) or {}
        again = replace(record, metrics=costs, rungs=())
        return replace(self._spec(again), attempt=attempt, budget=1.0)

    def tell(
        self, result: TrialResult, *, keep: Callable[[Sequence[TrialRecord]], None] | None = None
    ) -> list[TrialRecord]:
        """Take a result; a lost trial goes back to the queue, and a second result is ignored.

        Args:
            result: what came of a trial.
            keep: called with the records that will be returned, before any is on record.

        Returns:
            The ended trial and its variants; nothing where it has not ended (it may wait at a rung
            then) or had ended before.
        """
        record = self._records[result.number]
        if record.state is not TrialState.RUNNING or result.budget <= record.reached:
            return []
        if result.failure is not None and result.failure.kind is FailureKind.LOST:
            if result.attempt == self._attempts[record.number]:
                self._attempts[record.number] += 1
                self._waiting.append(self._spec(record))
            return []
        self._forget_waiting(result)
        ended = ended_record(record, result, self.objectives)
        if ended.state is TrialState.STOPPED and ended.budget in self._shares:
            self._pause(with_rung(record, ended))
            return []
        # Only what was handed out before may have variants on record: its driver was killed.
        earlier = self.records if self._attempts[ended.number] else ()
        variants = records_of_variants(
            ended, result, self.objectives, first_number=len(self._records), earlier=earlier
        )
        if keep is not None:
            keep([ended, *variants])
        self._end(ended, variants)
        return [ended, *variants]

    def _end(self, ended: TrialRecord, variants: Sequence[TrialRecord] = ()) -> None:
        self._records |= {told.number: told for told in (ended, *variants)}
        state, values = OPTUNA_STATES[ended.state], optuna_values(ended, self.objectives)
        # Study.tell does the same and returns a deep copy of the trial.
        place = self._places[ended.number]
        if ended.rungs:
            self._storage.set_trial_user_attr(place, SECONDS_KEY, ended.seconds)
        running = self._storage.get_trial(place)
        for key, excess in constraint_attributes(ended, self._limits).items():
            self._storage.set_trial_system_attr(running._trial_id, key, excess)
        self._sampler.after_trial(self._study, running, state, values)
        self._storage.set_trial_state_values(running.number, state, values)
        self._journal.finished(ended, variants)

    def _forget_waiting(self, result: TrialResult) -> None:
        if result.attempt != self._attempts[result.number]:  # given up for lost, and back
            self._waiting = deque(s for s in self._waiting if s.number != result.number)

    def _pause(self, record: TrialRecord) -> None:
        """Let a trial wait at its last rung; the working study has it where samplers may look."""
        self._records[record.number] = record
        self._paused[record.number] = None
        told = {**rung_attribute(record.rungs[-1]), WAITING_KEY: True}
        for name, value in told.items():
            self._storage.set_trial_user_attr(self._places[record.number], name, value)
        self._journal.reached(record)

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
            inherited_from=record.relative,
            budget=self._next_share(record),
            reached=record.reached,
            spent_s=record.rungs[-1].seconds if record.rungs else 0.0,
        )

    def _next_share(self, record: TrialRecord) -> float:
        return next((share for share in self._shares if share > record.reached), 1.0)

    def _restore(self, record: TrialRecord) -> None:
        """Put a trial of an earlier command into the working study; a running one waits again."""
        is_running = record.state is TrialState.RUNNING
        if is_running:
            # A crash between the lines of an ending leaves some of its metrics on record.
            record = replace(record, metrics=self._costs(record.architecture) or {})
            record = with_relative_at_hand(record, self._heritage)
        self._records[record.number] = record
        if record.parent is not None:
            return
        self._places[record.number] = len(self._places)
        self._proposer.remember(record.architecture)
        genome = self._space.genome(record.architecture)
        values = optuna_values(record, self.objectives)
        trial = as_trial(record, params=genome, flat=self._flat, values=values)
        trial.system_attrs.update(constraint_attributes(record, self._limits))
        self._storage.add(trial)
        if is_running:
            self._attempts[record.number] += 1
            if record.rungs:
                self._paused[record.number] = None
            else:
                self._waiting.append(self._spec(record))
