"""A search space in Optuna's words: each domain as a distribution, flat and fixed."""

from collections.abc import Iterable, Mapping
from typing import Any

from optuna import Trial
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from nas.architecture import Architecture
from nas.space.parameters import Choice, Domain, Float, Int
from nas.space.space import SearchSpace


def distribution_of(domain: Domain) -> BaseDistribution:
    """Return Optuna's distribution of a domain."""
    match domain:
        case Choice():
            return CategoricalDistribution(domain.options)
        case Int():
            return IntDistribution(domain.low, domain.high, step=domain.step, log=domain.log)
        case Float():
            return FloatDistribution(domain.low, domain.high, step=domain.step, log=domain.log)


def flat_distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """Return every parameter of the space, inactive ones too, in the space's order.

    Samplers get this whole space instead of the intersection over past trials: otherwise one old
    running trial makes each ask of NSGA-II and TPE scan all trials since, and genes of deep blocks
    never take part in crossover.
    """
    return {p.name: distribution_of(p.domain) for p in space.parameters}


def distributions_for(
    flat: Mapping[str, BaseDistribution], names: Iterable[str]
) -> dict[str, BaseDistribution]:
    """Return the distributions of the named parameters."""
    return {name: flat[name] for name in names}


def suggest(trial: Trial, space: SearchSpace) -> Architecture:
    """Return the architecture that a trial of any Optuna study is for; for objectives of your own.

    Only what is active in it is suggested, so that the trial's record holds nothing else.

    Args:
        trial: as `study.optimize` hands it to an objective.
        space: what the architecture is drawn from.
    """
    active: dict[str, Any] = {}
    for parameter in space.parameters:
        if space.is_active(parameter, active):
            active[parameter.name] = _suggest(trial, parameter.name, parameter.domain)
    return space.architecture(active)


def _suggest(trial: Trial, name: str, domain: Domain) -> Any:
    match domain:
        case Choice():
            return trial.suggest_categorical(name, domain.options)
        case Int():
            return trial.suggest_int(
                name, domain.low, domain.high, step=domain.step, log=domain.log
            )
        case Float():
            return trial.suggest_float(
                name, domain.low, domain.high, step=domain.step, log=domain.log
            )
