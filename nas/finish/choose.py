"""Which members of a front become winners?

Only validation numbers are used here; the test split is opened later, once, for the chosen trials.
Where the search's model says what it believes of noisy ones, its word counts among the trials that
keep the limits: the front of the readings holds lucky ones.
A limit may be on any metric, also on one that the search did not optimise. The best trial within
the limits may then be off the front of the whole run, so a new front is computed from the trials
that keep them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from nas.errors import ConfigError, ConstraintError, nearest_first
from nas.finish.which import Which
from nas.metric import Direction
from nas.objective import Constraint, Objective, losses
from nas.pareto.dominance import front_mask
from nas.pareto.floor import counting_floor, is_above
from nas.pareto.select import best_under, knee
from nas.record.beliefs import BELIEVED_CSV, Beliefs
from nas.trial import TrialRecord

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Pick:
    """What to take of a run.

    Attributes:
        which: the way to choose among the trials that keep the limits.
        count: number of members that `SPREAD` takes, at least 1.
        trials: numbers of trials to take as they are; if not empty, nothing else counts.
        limits: what a winner must keep, by the numbers of the search.
        floors: losses from which on a trial may be the knee.
        beliefs: what takes the place of measured values in the choice (`nas.record.beliefs`).
    """

    which: Which = Which.AUTO
    count: int = 5
    trials: tuple[int, ...] = ()
    limits: tuple[Constraint, ...] = ()
    floors: tuple[tuple[float, ...], ...] = ()
    beliefs: Beliefs = field(default_factory=dict)


def choose(
    records: Sequence[TrialRecord], *, objectives: Sequence[Objective], pick: Pick
) -> list[TrialRecord]:
    """Return the trials that become winners, smallest first.

    Args:
        records: trials that may stand on a front: complete, full budget, finite objectives, one
            for each architecture.
        objectives: what the search made better.
        pick: what to take.

    Raises:
        ConfigError: a trial number is not among the records, or a limit is on an unknown metric.
        ConstraintError: there is no trial, or none keeps the limits; the nearest is named.
    """
    if not records:
        raise ConstraintError(
            "the run has no trial that was trained to the end, so there is nothing to finish; "
            "go on with the search by resume=true"
        )
    if pick.trials:
        return _in_order(_named(records, pick.trials), objectives)
    fitting = [record for record in records if _excess(record, pick.limits) == 0.0]
    if not fitting:
        raise ConstraintError(_nothing_fits(records, pick.limits))
    return _in_order(_chosen(fitting, objectives, pick), objectives)


def counting(
    records: Sequence[TrialRecord], *, objectives: Sequence[Objective], pick: Pick
) -> list[TrialRecord]:
    """Return the trials that are better than trivial models; all where none is."""
    if not records:
        return []
    table = _table(records, objectives, pick)
    is_counted = is_above(table, counting_floor(table, pick.floors))
    return [record for record, counts in zip(records, is_counted, strict=True) if counts]


def belief_words(
    records: Sequence[TrialRecord], *, objectives: Sequence[Objective], pick: Pick
) -> str | None:
    """Say what beliefs changed in the choice; None where they changed nothing."""
    told = choose(records, objectives=objectives, pick=pick)
    plain = choose(records, objectives=objectives, pick=replace(pick, beliefs={}))
    more = sorted({r.number for r in told} - {r.number for r in plain})
    less = sorted({r.number for r in plain} - {r.number for r in told})
    if not more and not less:
        return None
    changes = [f"with {_trials(more)}"] * bool(more) + [f"without {_trials(less)}"] * bool(less)
    return (
        "accuracies are read on few examples, so the choice goes by what the search's model "
        f"believes of them ({BELIEVED_CSV}): {', '.join(changes)}"
    )


def _trials(numbers: Sequence[int]) -> str:
    return f"trial{'s' * (len(numbers) > 1)} {_listed(numbers)}"


def whole_ones(chosen: Sequence[TrialRecord], records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the chosen trials; a compressed variant is replaced by the trial it came from."""
    known = {record.number: record for record in records}
    parents = (record if record.parent is None else known[record.parent] for record in chosen)
    return list({record.number: record for record in parents}.values())


def size_column(objectives: Sequence[Objective]) -> int:
    """Return the index of the objective that orders a front.

    The first static one, else the first minimised, else the first.
    """
    for index, objective in enumerate(objectives):
        if objective.is_static:
            return index
    for index, objective in enumerate(objectives):
        if objective.direction is Direction.MINIMIZE:
            return index
    return 0


def quality_column(objectives: Sequence[Objective]) -> int:
    """Return the index of the first objective that is not the size, or of the only one."""
    size = size_column(objectives)
    return next((index for index in range(len(objectives)) if index != size), size)


def spread(table: FloatArray, *, count: int) -> list[int]:
    """Return `count` of the points so that every other one is near a chosen one.

    The ends of the last column come first, then always the point farthest from those chosen, in
    objectives scaled to 0..1 (Gonzalez 1985, "Clustering to minimize the maximum intercluster
    distance"). One point is the knee.
    """
    if count >= len(table):
        return list(range(len(table)))
    if count == 1:
        return [knee(table)]
    low, high = table.min(axis=0), table.max(axis=0)
    scaled = (table - low) / np.where(high > low, high - low, 1.0)
    chosen = [int(table[:, -1].argmin()), int(table[:, -1].argmax())]
    while len(chosen) < count:
        gaps = np.linalg.norm(scaled[:, None, :] - scaled[None, chosen, :], axis=2).min(axis=1)
        gaps[chosen] = -1.0
        chosen.append(int(gaps.argmax()))
    return chosen


def _chosen(
    fitting: Sequence[TrialRecord], objectives: Sequence[Objective], pick: Pick
) -> list[TrialRecord]:
    table = _table(fitting, objectives, pick)
    members = np.flatnonzero(front_mask(table))
    size, quality = size_column(objectives), quality_column(objectives)
    everything = float("inf")
    match resolved(pick, objectives):
        case Which.KNEE:
            counted = np.flatnonzero(is_above(table, counting_floor(table, pick.floors)))
            indices: list[int | None] = [int(counted[knee(table[counted])])]
        case Which.BEST:
            indices = [best_under(table, column=size, limit=everything, objective=quality)]
        case Which.SMALLEST:
            indices = [best_under(table, column=quality, limit=everything, objective=size)]
        case Which.SPREAD:
            turned = table[members][:, [*(c for c in range(table.shape[1]) if c != size), size]]
            indices = list(members[spread(turned, count=pick.count)])
        case _:
            indices = list(members)
    return [fitting[index] for index in indices if index is not None]


def _table(
    records: Sequence[TrialRecord], objectives: Sequence[Objective], pick: Pick
) -> FloatArray:
    values = [{**record.metrics, **pick.beliefs.get(record.number, {})} for record in records]
    return np.asarray([losses(objectives, own) for own in values], dtype=float)


def resolved(pick: Pick, objectives: Sequence[Objective]) -> Which:
    """Return the way to choose, never `AUTO`.

    Limits of the quality alone want the smallest, other limits the best.
    """
    if pick.which is not Which.AUTO:
        return pick.which
    if not pick.limits:
        return Which.ALL
    quality = objectives[quality_column(objectives)].metric
    return Which.SMALLEST if all(limit.metric == quality for limit in pick.limits) else Which.BEST


def _in_order(
    records: Sequence[TrialRecord], objectives: Sequence[Objective]
) -> list[TrialRecord]:
    size = objectives[size_column(objectives)]
    return sorted(records, key=lambda r: (size.loss(r.metrics[size.metric]), r.number))


def _named(records: Sequence[TrialRecord], numbers: Sequence[int]) -> list[TrialRecord]:
    known = {record.number: record for record in records}
    absent = [number for number in dict.fromkeys(numbers) if number not in known]
    if absent:
        raise ConfigError(
            f"pick.trials: {_listed(absent)} cannot be finished: no such trial, a repeated "
            f"architecture, or not trained to the end; those that can be: {_listed(sorted(known))}"
        )
    return [known[number] for number in dict.fromkeys(numbers)]


def _excess(record: TrialRecord, limits: Sequence[Constraint]) -> float:
    """Return by how much a trial breaks the limits, summed.

    Raises:
        ConfigError: the trial has no value of a metric that a limit names.
    """
    total = 0.0
    for limit in limits:
        if limit.metric not in record.metrics:
            known = nearest_first(limit.metric, record.metrics)
            raise ConfigError(
                f"pick.{limit.metric}: the trials of this run have no {limit.metric}; known, "
                f"nearest first: {known}"
            )
        total += limit.excess(record.metrics[limit.metric])
    return total


def _nothing_fits(records: Sequence[TrialRecord], limits: Sequence[Constraint]) -> str:
    """Say for each limit that is in the way which trial comes nearest to it.

    One that keeps the other limits, where there is any.
    """
    nearest = {limit: _nearest(records, limit, limits) for limit in limits}
    missed = {limit: r for limit, r in nearest.items() if limit.excess(r.metrics[limit.metric])}
    if not missed:  # each limit is kept by some, three of them by none
        closest = min(records, key=lambda record: (_excess(record, limits), record.number))
        missed = {x: closest for x in limits if x.excess(closest.metrics[x.metric])}
    told = []
    for limit, record in missed.items():
        others = [other for other in limits if other is not limit]
        of = f" of those with {_joined(others)}" if others and not _excess(record, others) else ""
        to = f" to {limit}" if others else ""
        has = f"{limit.metric} {record.metrics[limit.metric]:.6g}"
        told.append(f"the nearest{to}{of} is trial {record.number} with {has}")
    numbers = list(dict.fromkeys(record.number for record in missed.values()))
    which = "that one" if len(numbers) == 1 else "one of them, such as"
    return (
        f"no network keeps {_joined(limits)}; {'; '.join(told)}: loosen a limit, search further, "
        f"or finish {which} with 'pick=[{numbers[0]}]'"
    )


def _nearest(
    records: Sequence[TrialRecord], limit: Constraint, limits: Sequence[Constraint]
) -> TrialRecord:
    others = [other for other in limits if other is not limit]
    within = [record for record in records if _excess(record, others) == 0.0]
    among = within or records
    return min(among, key=lambda r: (limit.excess(r.metrics[limit.metric]), r.number))


def _joined(limits: Sequence[Constraint]) -> str:
    return " and ".join(map(str, limits))


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:12]))
    return shown + (f" and {len(numbers) - 12} more" if len(numbers) > 12 else "")
