"""Any Optuna sampler, made to propose architectures that are new and allowed."""

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import (
    BaseSampler,
    BruteForceSampler,
    GPSampler,
    NSGAIIISampler,
    NSGAIISampler,
    RandomSampler,
    TPESampler,
)
from optuna.study import Study
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from nas.architecture import Architecture
from nas.sampling.whole_space import WholeSpaceSampler
from nas.seeding import generator
from nas.space.parameters import Choice
from nas.space.space import SearchSpace, filler
from nas.study.proposals import Proposal, Proposer


class ProposingSampler(WholeSpaceSampler):
    """Wraps any sampler so that a trial gets a new, allowed, canonical architecture.

    The wrapped sampler always sees the whole flat space. Inactive genes are set to a fixed filler,
    so that the working study is the same whether it grew here or was read from disk. Where the
    sampler draws a choice blindly, the weights of its options count, which Optuna does not know.

    Args:
        sampler: draws.
        space: the space that is drawn from.
        flat: a distribution of every parameter.
        proposer: judges the draws.
        seed: of the walk that finds a new architecture when drawing again does not.
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
        super().__init__(space, flat)
        self._sampler = sampler
        self.inner = sampler
        self._proposer = proposer
        self._seed = seed
        # Left over from the last trial: what `sample_relative` proposed for it.
        self.proposal: Proposal

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the genome of an architecture that is new and allowed."""
        del search_space
        rng = generator(self._seed, "walk", trial.number)
        self._prior = generator(self._seed, "prior", trial.number)
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
        is_blind = self._is_blind(has_drawn=bool(drawn))
        genome: dict[str, Any] = {}
        active: dict[str, Any] = {}
        for parameter in self._space.parameters:
            name = parameter.name
            if not self._space.is_active(parameter, active):
                genome[name] = filler(parameter.domain)
                continue
            domain = parameter.domain
            if (
                name not in drawn
                and is_blind
                and isinstance(domain, Choice)
                and domain.weights is not None
            ):
                drawn[name] = domain.sample(self._prior)
            elif name not in drawn:
                # A brute-force sampler looks at what the trial has so far.
                partial = _with_params(trial, genome, self._flat)
                drawn[name] = self._sampler.sample_independent(
                    study, partial, name, self._flat[name]
                )
            genome[name] = active[name] = drawn[name]
        return self._space.architecture(active)

    def _is_blind(self, *, has_drawn: bool) -> bool:
        """Say whether what is drawn by itself is drawn with all options alike."""
        if isinstance(self._sampler, RandomSampler | NSGAIISampler | NSGAIIISampler):
            return True  # of an evolution: the first generation, and what mutates
        # These draw all together, but for the trials before their model.
        is_joint = isinstance(self._sampler, GPSampler) or (
            isinstance(self._sampler, TPESampler) and bool(self._sampler._multivariate)
        )
        return is_joint and not has_drawn


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
