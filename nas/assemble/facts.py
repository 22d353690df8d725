"""What may a size-aware sampler know of an architecture? What it costs, and how wide it is.

An evaluator with facts of its own (a table) is asked for them; of any other static costs and
widths are taken by their decimal logarithms, since they span orders of magnitude. Among networks
of one size, the wider its narrowest layer, the higher its prior score.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import TypeAlias

from nas.architecture import Architecture
from nas.engine.costs import CachedCosts
from nas.evaluation.evaluator import Evaluator, KnowsFacts, KnowsWidths, MeetsParts
from nas.metric import Direction, device_of
from nas.objective import Objective
from nas.space.facts import Facts
from nas.space.space import SearchSpace
from nas.widths import NARROWEST

Costs: TypeAlias = Callable[[Architecture], Mapping[str, float] | None]
_LEAST_PREDICTED = 1e-9  # milliseconds or joules
LookUp: TypeAlias = Callable[[Architecture], Facts | None]


def facts_of(
    evaluator: Evaluator,
    *,
    space: SearchSpace,
    objectives: Sequence[Objective],
    costs: Costs | None = None,
) -> LookUp:
    """Return a function from an architecture to its facts; None for one that cannot be built.

    Args:
        evaluator: may know facts of its own, or widths.
        space: of the architectures.
        objectives: of the study.
        costs: static costs, None for an architecture that cannot be built; by default those of
            the evaluator.
    """
    static = [objective for objective in objectives if objective.is_static]
    if isinstance(evaluator, KnowsFacts):
        return partial(evaluator.facts, static=[objective.metric for objective in static])
    look_up = costs or CachedCosts(evaluator)
    widths = evaluator.widths if isinstance(evaluator, KnowsWidths) else _no_widths

    meet_parts = cache(evaluator.meet_parts if isinstance(evaluator, MeetsParts) else _nothing)

    def facts(architecture: Architecture) -> Facts | None:
        meet_parts()  # once: samplers go by the time that the first descriptions take
        found = look_up(architecture)
        if found is None:
            return None
        known = {**found, **widths(architecture)}
        return facts_from_costs(known, identity=space.identity(architecture), static=static)

    return facts


def facts_from_costs(
    costs: Mapping[str, float], *, identity: str, static: Sequence[Objective]
) -> Facts:
    """Return costs as facts.

    Args:
        costs: name of a cost or width -> value.
        identity: what equal networks share.
        static: the objectives that are known beforehand, in the study's order; the first is the
            size. Without any the bytes are.
    """
    values = tuple(_loss_on_scale(objective, costs) for objective in static)
    size = values[0] if values else _log("size_bytes", costs.get("size_bytes", math.nan))
    return Facts(
        log_size=size,
        identity=identity,
        numbers=tuple(_log(name, costs[name]) for name in sorted(costs)),
        prior_score=sum(_log(name, costs[name]) for name in NARROWEST if name in costs),
        static=values,
    )


def _no_widths(architecture: Architecture) -> Mapping[str, float]:
    del architecture
    return {}


def _nothing() -> None:
    pass


def _loss_on_scale(objective: Objective, costs: Mapping[str, float]) -> float:
    value = costs[objective.metric]
    return -value if objective.direction is Direction.MAXIMIZE else _log(objective.metric, value)


def _log(metric: str, value: float) -> float:
    """Return the decimal logarithm; of counts all below 1 counts as 1, of times nearly nothing."""
    is_predicted = device_of(metric) is not None
    return math.log10(max(value, _LEAST_PREDICTED if is_predicted else 1.0))
