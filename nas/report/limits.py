"""Which trials keep the limits that were set on what training measures?"""

import math
from collections.abc import Sequence

from nas.metric import Direction
from nas.objective import Constraint, Objective
from nas.report.front import Floors
from nas.report.values import counted, format_value
from nas.trial import TrialRecord, TrialState


def keeps(record: TrialRecord, limits: Sequence[Constraint]) -> bool:
    """Say whether a trial keeps all limits; what was not measured keeps none."""
    values = [record.metrics.get(limit.metric, math.nan) for limit in limits]
    return all(
        math.isfinite(value) and limit.excess(value) == 0.0
        for limit, value in zip(limits, values, strict=True)
    )


def limits_line(
    records: Sequence[TrialRecord], front: Sequence[TrialRecord], limits: Sequence[Constraint]
) -> str:
    """Return one line on who keeps the limits; empty where none is set."""
    if not limits:
        return ""
    ended = [r for r in records if r.state is TrialState.COMPLETE and r.parent is None]
    kept = sum(keeps(record, limits) for record in ended)
    members = [record for record in front if keeps(record, limits)]
    asked = " and ".join(map(limit_words, limits))
    which = "trial" if len(members) == 1 else "trials"
    numbers = f"{which} {', '.join(str(r.number) for r in members)}" if members else "none"
    return (
        f"{asked}: kept by {kept} of {counted(len(ended), 'complete trial')}; "
        f"on the front: {numbers}."
    )


def limit_floors(limits: Sequence[Constraint], objectives: Sequence[Objective]) -> Floors:
    """Return from where on a point keeps the limits; nothing where none is set."""
    if not limits:
        return ()
    bounds = {limit.metric: limit for limit in limits}
    return (tuple(_worst(objective, bounds.get(objective.metric)) for objective in objectives),)


def _worst(objective: Objective, limit: Constraint | None) -> float:
    if limit is None:
        return math.inf
    end = limit.minimum if objective.direction is Direction.MAXIMIZE else limit.maximum
    # A floor must be passed, and a limit may be met.
    return math.inf if end is None else math.nextafter(objective.loss(end), math.inf)


def limit_words(limit: Constraint) -> str:
    """Return a limit with its units, such as `size_bytes <= 500 kB`."""
    ends = ((limit.minimum, ">="), (limit.maximum, "<="))
    told = [f"{sign} {format_value(limit.metric, end)}" for end, sign in ends if end is not None]
    return f"{limit.metric} {' and '.join(told)}"
