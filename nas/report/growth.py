"""How did the front grow with the trials? Its hypervolume, as a share of all that was found.

Counts (bytes, parameters, multiply-accumulates) and costs that span a factor of ten enter by their
logarithm: taken as they are only the largest networks would count. Volumes reach from the front of
all runs that are compared to its worst value of each objective and a tenth of its range beyond, so
that its extreme points count too; what is worse than that adds nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.metric import Direction, is_count
from nas.objective import Objective, losses
from nas.pareto.dominance import Front, front_mask
from nas.pareto.hypervolume import hypervolume
from nas.report.front import FloatArray, comparable_records, loss_table
from nas.trial import TrialRecord, TrialState

_MARGIN = 0.1
# A cost that is known beforehand counts by its logarithm where it spans this factor.
_WIDE_SPAN = 10.0


@dataclass(frozen=True)
class Yardstick:
    """What volumes are measured against.

    Attributes:
        is_log: (m,) which losses enter by their logarithm.
        reference: (m,) the point up to which volumes reach, on that scale.
        whole: volume of the front of all runs.
    """

    is_log: NDArray[np.bool_]
    reference: FloatArray
    whole: float

    def on_scale(self, table: FloatArray) -> FloatArray:
        """Return losses (n, m) as volumes see them."""
        return _on_scale(table, self.is_log)

    def share(self, points: FloatArray) -> float:
        """Return the share of the whole that points (n, m), on this scale, dominate."""
        within = points[(points <= self.reference).all(axis=1)]
        return hypervolume(within, reference=self.reference) / self.whole if len(within) else 0.0


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
    runs: Sequence[Sequence[TrialRecord]], objectives: Sequence[Objective]
) -> Yardstick | None:
    """Return what runs compare by; None if no trial of any counts."""
    tables = [loss_table(comparable_records(run, objectives), objectives) for run in runs]
    table = np.concatenate(tables) if tables else np.empty((0, 1))
    if len(table) == 0:
        return None
    is_log = np.array([_is_wide(o, column) for o, column in zip(objectives, table.T, strict=True)])
    points = _on_scale(table, is_log)
    front = points[front_mask(points)]
    low, high = front.min(axis=0), front.max(axis=0)
    spread = np.where(high > low, high - low, np.maximum(np.abs(high), 1.0))
    reference = high + _MARGIN * spread
    return Yardstick(is_log, reference, hypervolume(front, reference=reference))


def _is_wide(objective: Objective, values: FloatArray) -> bool:
    if objective.direction is not Direction.MINIMIZE:
        return False
    is_wide = values.min() > 0.0 and values.max() >= _WIDE_SPAN * values.min()
    return is_count(objective.metric) or bool(objective.is_static and is_wide)


def _on_scale(table: FloatArray, is_log: NDArray[np.bool_]) -> FloatArray:
    # Nothing at all is a count too, and counts as one.
    return np.where(is_log, np.log10(np.where(is_log & (table > 0.0), table, 1.0)), table)


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
