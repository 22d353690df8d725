"""How much of the front does each arm have after how many device-seconds?

Volumes are those of the retrained front: who stands on the front at a time is what the search saw,
what they are worth is what their retraining gave. 1 is the front of all that was retrained.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from experiments.search_quality.scale import Scale, scale_of
from experiments.time_to_front.real.cpu_clock import Step
from experiments.time_to_front.real.searches import OBJECTIVES, WHOLE
from nas.architecture import Architecture
from nas.objective import losses
from nas.pareto.dominance import front_mask
from nas.trial import TrialRecord

# Multiples of the device-seconds of whole trainings at which fronts are looked at.
_IN_THE_TIME = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
LOOKS = (*_IN_THE_TIME, 1.25, 1.5, 1.75, 2.0, 3.0, 4.0, 5.0, 6.0, 6.5, 7.0, 8.0)
ENOUGH = 0.95  # of what whole trainings have in the end


@dataclass(frozen=True)
class ArmRow:
    """What one search had at one time.

    Attributes:
        problem: what was searched.
        arm: how trials were trained.
        seed: of the search.
        look: share of the device-seconds that whole trainings took.
        cpu_s: device-seconds that were spent by then.
        num_whole: trainings that had come to their end by then.
        volume: share of the hypervolume, retrained.
    """

    problem: str
    arm: str
    seed: int
    look: float
    cpu_s: float
    num_whole: int
    volume: float


def fronts_at(steps: Sequence[Step], times_s: Sequence[float]) -> list[list[TrialRecord]]:
    """Return the front that a search saw at each time, by its device-seconds."""
    return [_front(done_by(steps, time_s)) for time_s in times_s]


def done_by(steps: Sequence[Step], time_s: float) -> list[TrialRecord]:
    """Return the whole trainings that had ended by some device-seconds."""
    return [s.record for s in steps if s.record is not None and s.spent_s <= time_s]


def _front(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    points = [(losses(OBJECTIVES, record.metrics), record) for record in records]
    known = [(point, record) for point, record in points if point is not None]
    if not known:
        return []
    mask = front_mask(np.array([point for point, _ in known]))
    return [record for (_, record), is_on in zip(known, mask, strict=True) if is_on]


def wanted(steps: Sequence[Step], times_s: Sequence[float]) -> list[Architecture]:
    """Return what must be retrained to know the volumes at some times."""
    found = {r.architecture.id: r.architecture for f in fronts_at(steps, times_s) for r in f}
    return list(found.values())


def scale_for(records: Sequence[TrialRecord], retrained: Mapping[str, float]) -> Scale:
    """Return the scale on which the front of all that was retrained is 1."""
    return scale_of(_points([r for r in records if r.architecture.id in retrained], retrained))


def rows_of(
    search: tuple[str, str, int],
    steps: Sequence[Step],
    *,
    total_s: float,
    until: float,
    retrained: Mapping[str, float],
    scale: Scale,
) -> list[ArmRow]:
    """Return a row for each look at a search, as long as it had device-seconds.

    Args:
        search: problem, arm and seed.
        steps: what it did, in order.
        total_s: device-seconds of whole trainings.
        until: share of them that the search had.
        retrained: architecture id -> test accuracy.
        scale: of the problem.
    """
    rows = []
    for look in (look for look in LOOKS if look <= until):
        time_s = look * total_s
        spent = [step.spent_s for step in steps if step.spent_s <= time_s]
        done = done_by(steps, time_s)
        points = _points(_front(done), retrained)
        volume = scale.share(points) if len(points) else 0.0
        last_s = spent[-1] if spent else 0.0
        rows.append(ArmRow(*search, look, round(last_s, 3), len(done), round(volume, 5)))
    return rows


def given_size(sizes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return what a straight line through the sizes leaves of values."""
    line = np.c_[np.ones(len(sizes)), sizes]
    return np.asarray(values - line @ np.linalg.lstsq(line, values, rcond=None)[0])


def looks_until(rows: Sequence[ArmRow], *, enough: float) -> float:
    """Return the first look from which a search has enough and keeps it; inf for none."""
    found = math.inf
    for row in sorted(rows, key=lambda row: -row.look):
        if row.volume < enough:
            break
        found = row.look
    return found


def table(rows: Sequence[ArmRow]) -> list[str]:
    """Return the lines of a table: for each problem and arm how soon and how much."""
    lines = [
        "| problem | arm | device-seconds until 95 %, by seed | volume at 0.2 / 0.4 / 1 | whole |",
        "|---|---|---|---|---|",
    ]
    groups: dict[tuple[str, str], dict[int, list[ArmRow]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        groups[row.problem, row.arm][row.seed].append(row)
    for (problem, arm), by_seed in groups.items():
        soon = [
            looks_until(found, enough=ENOUGH * groups[problem, WHOLE][seed][-1].volume)
            for seed, found in by_seed.items()
        ]
        told = ", ".join("–" if math.isinf(look) else f"{look:g}" for look in soon)
        cells = " / ".join(_volume(by_seed, look) for look in (0.2, 0.4, 1.0))
        counts = ", ".join(str(found[-1].num_whole) for found in by_seed.values())
        lines.append(f"| {problem} | {arm} | {told} | {cells} | {counts} |")
    return lines


def _volume(by_seed: Mapping[int, Sequence[ArmRow]], look: float) -> str:
    """Return mean and standard error of the last row up to a look."""
    last = [[row.volume for row in rows if row.look <= look][-1] for rows in by_seed.values()]
    if len(last) < 2:
        return f"{last[0]:.3f}"
    return f"{np.mean(last):.3f} ± {np.std(last, ddof=1) / math.sqrt(len(last)):.3f}"


def _points(records: Sequence[TrialRecord], retrained: Mapping[str, float]) -> np.ndarray:
    """Return losses (n, 2): minus the retrained accuracy, log10 of the size."""
    rows = [(-retrained[r.architecture.id], math.log10(r.metrics["size_bytes"])) for r in records]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)
