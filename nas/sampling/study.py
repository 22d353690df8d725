"""The working study: ask for a trial, tell its result, take up where an earlier command stopped.

Optuna's study lives in memory (0.8 ms an ask and tell); the journal beside it is the truth on
disk, written behind. Telling is idempotent, because a worker that was given up for lost may have
finished after all.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, BruteForceSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as OptunaState

from nas.architecture import Architecture
from nas.objective import Constraint, Objective, losses
from nas.sampling.distributions import flat_distributions
from nas.sampling.journal import StudyJournal, optuna_values
from nas.sampling.proposals import Costs, Proposal, Proposer
from nas.seeding import derive_seed, generator
from nas.space.space import SearchSpace, filler
from nas.trial import Failure, FailureKind, TrialRecord, TrialResult, TrialSpec, TrialState

SamplerFactory: TypeAlias = Callable[[int], BaseSampler]

# A trial whose worker was lost this often is taken to kill its workers.
MAX_LOSSES = 3


class SearchStudy:
    """Hands out trials and takes their results.

    Args:
        space: what architectures are drawn from.
        make_sampler: seed -> sampler; the run's seed at first, another one after a resume.
        objectives: in the order of the study's directions.
        costs: static costs of an architecture; None for one that cannot be built.
        journal: the durable record, open for appending.
        records: what the journal held when it was opened.
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
        journal: StudyJournal,
        records: Sequence[TrialRecord] = (),
        constraints: Sequence[Constraint] = (),
        seed: int = 0,
    ) -> None:
        self.objectives = tuple(objectives)
        self._space = space
        self._seed = seed
        self._journal = journal
        self._flat = flat_distributions(space)
        self._proposer = Proposer(space, costs=costs, constraints=constraints)
        self._records: dict[int, TrialRecord] = {}
        self._attempts: Counter[int] = Counter()
        self._waiting: deque[TrialSpec] = deque()
        sampler_seed = derive_seed(seed, "sampler", len(records)) if records else seed
        self._sampler = ProposingSampler(
            make_sampler(sampler_seed),
            space=space,
            flat=self._flat,
            proposer=self._proposer,
            seed=seed,
        )
        self._study = optuna.create_study(
            directions=[objective.direction.value for objective in objectives],
            sampler=self._sampler,
        )
        for record in records:
            self._restore(record)

    @property
    def records(self) -> list[TrialRecord]:
        """All trials, in order of number."""
        return list(self._records.values())

    def record(self, number: int) -> TrialRecord:
        """Return one trial as it stands."""
        return self._records[number]

    @property
    def num_redrawn(self) -> int:
        """Proposals that were drawn again, because they were known or not allowed."""
        return self._proposer.num_redrawn

    @property
    def num_trials(self) -> int:
        """Trials that were handed out, whatever came of them."""
        return len(self._records)

    @property
    def has_waiting(self) -> bool:
        """Some trials are to be handed out again before any new one is asked for."""
        return bool(self._waiting)

    def check_feasible(self) -> None:
        """Make sure that the constraints leave something.

        Raises:
            ConstraintError: they do not.
        """
        self._proposer.check_feasible(generator(self._seed, "feasible"))

    def ask(self) -> TrialSpec:
        """Return the next trial: one that lost its worker, else a new one.

        Raises:
            SpaceExhausted: every allowed architecture is in the study.
            ConstraintError: no architecture keeps the constraints.
        """
        if self._waiting:
            return self._waiting.popleft()
        trial = self._study.ask(self._flat)
        proposal = self._sampler.proposal
        record = TrialRecord(
            number=trial.number,
            architecture=proposal.architecture,
            state=TrialState.RUNNING,
            metrics=proposal.static_costs,
            started_s=time.time(),
        )
        self._records[record.number] = record
        self._journal.started(record)
        return self._spec(record)

    def tell(self, result: TrialResult) -> TrialRecord | None:
        """Take a result; a lost trial goes back to the queue, and a second result is ignored.

        Returns:
            The ended trial, or None where it has not ended or had ended before.
        """
        record = self._records[result.number]
        if record.state is not TrialState.RUNNING:
            return None
        if result.failure is not None and result.failure.kind is FailureKind.LOST:
            self._attempts[record.number] += 1
            if self._attempts[record.number] < MAX_LOSSES:
                self._waiting.append(self._spec(record))
                return None
        ended = _ended(record, result, self.objectives)
        self._records[record.number] = ended
        values = optuna_values(ended, self.objectives)
        self._study.tell(ended.number, values, state=_told_state(ended), skip_if_finished=True)
        self._journal.finished(ended)
        return ended

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
        genome = self._space.genome(record.architecture)
        self._records[record.number] = record
        self._proposer.remember(record.architecture)
        self._study.add_trial(
            create_trial(
                state=_told_state(record),
                values=optuna_values(record, self.objectives),
                params=genome,
                distributions=self._flat,
            )
        )
        if record.state is TrialState.RUNNING:
            self._attempts[record.number] += 1
            self._waiting.append(self._spec(record))


class ProposingSampler(BaseSampler):
    """Wraps any sampler so that a trial gets a new, allowed, canonical architecture.

    The wrapped sampler always sees the whole flat space. Inactive genes are set to a fixed filler,
    so that the working study is the same whether it grew here or was read from disk.
    """

    def __init__(
        self,
        sampler: BaseSampler,
        *,
        space: SearchSpace,
        flat: Mapping[str, BaseDistribution],
        proposer: Proposer,
        seed: int,
    ) -> None:
        self._sampler = sampler
        self._space = space
        self._flat = dict(flat)
        self._proposer = proposer
        self._seed = seed
        self.proposal: Proposal

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the whole space."""
        del study, trial
        return self._flat

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the genome of an architecture that is new and allowed."""
        del search_space
        rng = generator(self._seed, "walk", trial.number)
        self.proposal = self._proposer.propose(lambda: self._draw(study, trial), rng=rng)
        return self._space.genome(self.proposal.architecture)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw one parameter; only called where a space is extended by hand."""
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Pass the call on."""
        self._sampler.before_trial(study, trial)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: OptunaState,
        values: Sequence[float] | None,
    ) -> None:
        """Pass the call on."""
        # All that BruteForceSampler does here is study.stop(), which ask-and-tell refuses; that
        # nothing is left is noticed by the proposer.
        if not isinstance(self._sampler, BruteForceSampler):
            self._sampler.after_trial(study, trial, state, values)

    def _draw(self, study: Study, trial: FrozenTrial) -> Architecture:
        drawn = dict(self._sampler.sample_relative(study, trial, self._flat))
        genome: dict[str, Any] = {}
        active: dict[str, Any] = {}
        for parameter in self._space.parameters:
            name = parameter.name
            if not self._space.is_active(parameter, active):
                genome[name] = filler(parameter.domain)
                continue
            if name not in drawn:
                # A brute-force sampler looks at what the trial has so far.
                partial = _with_params(trial, genome, self._flat)
                drawn[name] = self._sampler.sample_independent(
                    study, partial, name, self._flat[name]
                )
            genome[name] = active[name] = drawn[name]
        return self._space.architecture(active)


def _with_params(
    trial: FrozenTrial, params: Mapping[str, Any], flat: Mapping[str, BaseDistribution]
) -> FrozenTrial:
    """Return a trial like `trial` that has these parameters: what a sampler sees while drawing."""
    return FrozenTrial(
        number=trial.number,
        trial_id=trial._trial_id,
        state=trial.state,
        value=None,
        values=None,
        datetime_start=trial.datetime_start,
        datetime_complete=None,
        params=dict(params),
        distributions={name: flat[name] for name in params},
        user_attrs=trial.user_attrs,
        system_attrs=trial.system_attrs,
        intermediate_values={},
    )


def _ended(
    record: TrialRecord, result: TrialResult, objectives: Sequence[Objective]
) -> TrialRecord:
    metrics = {**record.metrics, **result.metrics, "seconds": result.seconds}
    finite = {name: float(value) for name, value in metrics.items() if np.isfinite(value)}
    state, failure = result.state, result.failure
    if state is TrialState.COMPLETE and losses(objectives, finite) is None:
        absent = [o.metric for o in objectives if o.metric not in finite]
        state = TrialState.FAILED
        failure = Failure(
            FailureKind.NONFINITE, f"no finite value of {', '.join(absent)} was measured"
        )
    return replace(
        record,
        state=state,
        metrics=finite,
        seconds=result.seconds,
        budget=result.budget,
        failure=failure,
        finished_s=time.time(),
    )


def _told_state(record: TrialRecord) -> OptunaState:
    return {
        TrialState.RUNNING: OptunaState.RUNNING,
        TrialState.COMPLETE: OptunaState.COMPLETE,
        TrialState.STOPPED: OptunaState.PRUNED,
        TrialState.FAILED: OptunaState.FAIL,
    }[record.state]
