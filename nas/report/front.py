"""Which trials stand on the front, and which of them is the knee?

Everything a report shows is asked here first, so that tables, pictures and the page agree.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nas.metric import Direction
from nas.objective import Objective, losses
from nas.pareto.dominance import front_mask
from nas.pareto.floor import counting_floor, is_above
from nas.pareto.select import knee
from nas.trial import TrialRecord, TrialState

FloatArray = NDArray[np.float64]
Floors: TypeAlias = Sequence[Sequence[float]]  # losses from which on a point counts


def leading_objective(objectives: Sequence[Objective]) -> Objective:
    """Return the objective that orders a front: the first static one, or else the first minimised.

    Where all are maximised and measured, it is the first.
    """
    for objective in objectives:
        if objective.is_static:
            return objective
    for objective in objectives:
        if objective.direction is Direction.MINIMIZE:
            return objective
    return objectives[0]


def comparable_records(
    records: Sequence[TrialRecord], objectives: Sequence[Objective]
) -> list[TrialRecord]:
    """Return the trials that may stand on a front, by number.

    They are complete, were trained in full and have finite objectives. Of several trials of one
    architecture, and of one variant of it, the first counts: to take the best of them would be to
    take the luckiest.
    """
    first: dict[tuple[str, str], TrialRecord] = {}
    for record in sorted(records, key=lambda record: record.number):
        is_full = record.state is TrialState.COMPLETE and record.budget >= 1.0
        if is_full and losses(objectives, record.metrics) is not None:
            first.setdefault((record.architecture.id, record.variant), record)
    return list(first.values())


def loss_table(records: Sequence[TrialRecord], objectives: Sequence[Objective]) -> FloatArray:
    """Return the losses (n, m) of comparable records, lower is better."""
    rows = [losses(objectives, record.metrics) for record in records]
    assert all(row is not None for row in rows), "ask comparable_records first"
    return np.asarray(rows, dtype=np.float64).reshape(len(rows), len(objectives))


def front_records(
    records: Sequence[TrialRecord], objectives: Sequence[Objective]
) -> list[TrialRecord]:
    """Return the trials on the front, smallest first by the leading objective.

    Two architectures with equal objectives stand there both.
    """
    comparable = comparable_records(records, objectives)
    if not comparable:
        return []
    table = loss_table(comparable, objectives)
    column = list(objectives).index(leading_objective(objectives))
    members = np.flatnonzero(front_mask(table))
    order = sorted(members, key=lambda i: (table[i, column], *table[i], comparable[i].number))
    return [comparable[i] for i in order]


def knee_record(
    front: Sequence[TrialRecord], objectives: Sequence[Objective], *, floors: Floors = ()
) -> TrialRecord | None:
    """Return the member where giving up one objective stops paying; None for an empty front.

    Members below the strictest floor that one of them is above are passed over.
    """
    if not front:
        return None
    table = loss_table(front, objectives)
    members = np.flatnonzero(is_above(table, counting_floor(table, floors)))
    return front[int(members[knee(table[members])])]
