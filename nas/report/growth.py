"""How did the front grow with the trials? The dominated volume, as a share of a fixed box.

Counts (bytes, parameters, multiply-accumulates) enter by their logarithm: a size spans orders of
magnitude, and taken as it is only the largest networks would count. The box reaches from the best
to the worst value of each objective and a tenth of that range beyond: extreme points count too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.objective import Direction, Objective, losses
from nas.pareto.dominance import Front
from nas.pareto.hypervolume import hypervolume
from nas.report.front import FloatArray, comparable_records, loss_table
from nas.report.values import is_count
from nas.trial import TrialRecord, TrialState

_MARGIN = 0.1


@dataclass(frozen=True)
class Box:
    """From where to where volumes are taken, on the scale of `on_scale`.

    Attributes:
        ideal: (m,) the best value of each objective.
        reference: (m,) a point worse than all, in each objective.
    """

    ideal: FloatArray
    reference: FloatArray


@dataclass(frozen=True)
class Growth:
    """The share of the box that was dominated after each trial that ended.

    Attributes:
        num_trials: (n,) trainings that had ended: 1, 2, ..., failed and stopped ones included;
            the variants of a trained network count with it.
        shares: (n,) share of the box, in [0, 1]; never falls.
    """

    num_trials: NDArray[np.int64]
    shares: FloatArray


def on_scale(table: FloatArray, objectives: Sequence[Objective]) -> FloatArray:
    """Return losses (n, m) as volumes see them: minimised counts as log10, all else unchanged."""
    seen = table.copy()
    for column, objective in enumerate(objectives):
        if is_count(objective.metric) and objective.direction is Direction.MINIMIZE:
            seen[:, column] = np.log10(np.maximum(seen[:, column], 1.0))
    return seen


def box_around(
    runs: Sequence[Sequence[TrialRecord]], objectives: Sequence[Objective]
) -> Box | None:
    """Return the box around all runs, so that their shares compare; None if no trial counts."""
    tables = [loss_table(comparable_records(run, objectives), objectives) for run in runs]
    points = on_scale(np.concatenate(tables), objectives) if tables else np.empty((0, 1))
    if len(points) == 0:
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    spread = np.where(high > low, high - low, np.maximum(np.abs(high), 1.0))
    return Box(low, high + _MARGIN * spread)


def growth_of(records: Sequence[TrialRecord], objectives: Sequence[Objective], box: Box) -> Growth:
    """Return how the dominated share of `box` grew, in the order in which the trials ended."""
    ended = sorted(
        (record for record in records if record.state is not TrialState.RUNNING),
        key=lambda r: (r.finished_s if r.finished_s is not None else r.started_s, r.number),
    )
    counted = {record.number for record in comparable_records(records, objectives)}
    whole = float(np.prod(box.reference - box.ideal))
    front = Front()
    shares: list[float] = []
    for record in ended:
        share = shares[-1] if shares else 0.0
        found = losses(objectives, record.metrics) if record.number in counted else None
        if found is not None:
            point = on_scale(np.asarray([found]), objectives)[0]
            if front.add(str(record.number), point.tolist()):
                share = hypervolume(front.losses(), reference=box.reference) / whole
        if record.parent is not None and shares:
            shares[-1] = share
        else:
            shares.append(share)
    return Growth(np.arange(1, len(shares) + 1), np.asarray(shares, dtype=np.float64))
