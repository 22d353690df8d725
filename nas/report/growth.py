"""How did the front grow with the trials? Its hypervolume, as a share of all that was found.

What counts is what `nas.pareto.yardstick` says of the fronts of the runs that are compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.objective import Objective, losses
from nas.pareto.dominance import Front
from nas.pareto.yardstick import Yardstick, yardstick_from
from nas.report.front import FloatArray, Floors, comparable_records, loss_table
from nas.trial import TrialRecord, TrialState


@dataclass(frozen=True)
class Growth:
    """The share of the whole that was dominated after each trial that ended.

    Attributes:
        num_trials: (n,) trainings that had ended: 1, 2, ..., failed and stopped ones included;
            the variants of a trained network count with it.
        shares: (n,) share of the volume of all runs' front, in [0, 1]; never falls.
    """

    num_trials: NDArray[np.int64]
    shares: FloatArray


def yardstick_of(
    runs: Sequence[Sequence[TrialRecord]],
    objectives: Sequence[Objective],
    *,
    floors: Floors = (),
) -> Yardstick | None:
    """Return what runs compare by, from a floor on; None if no trial of any counts."""
    tables = [loss_table(comparable_records(run, objectives), objectives) for run in runs]
    return yardstick_from(tables, objectives, floors=floors)


def growth_of(
    records: Sequence[TrialRecord], objectives: Sequence[Objective], yardstick: Yardstick
) -> Growth:
    """Return how the dominated share grew, in the order in which the trials ended."""
    ended = sorted(
        (record for record in records if record.state is not TrialState.RUNNING),
        key=lambda r: (r.finished_s if r.finished_s is not None else r.started_s, r.number),
    )
    counted = {record.number for record in comparable_records(records, objectives)}
    front = Front()
    shares: list[float] = []
    for record in ended:
        share = shares[-1] if shares else 0.0
        found = losses(objectives, record.metrics) if record.number in counted else None
        if found is not None:
            point = yardstick.on_scale(np.asarray([found]))[0]
            if front.add(str(record.number), point.tolist()):
                share = yardstick.share(np.asarray(front.losses()))
        if record.parent is not None and shares:
            shares[-1] = share
        else:
            shares.append(share)
    return Growth(np.arange(1, len(shares) + 1), np.asarray(shares, dtype=np.float64))
