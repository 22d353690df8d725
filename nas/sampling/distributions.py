"""A search space in Optuna's words: each domain as a distribution, flat and fixed."""

from collections.abc import Iterable, Mapping

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

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
