"""How much of the front does each arm have after how many CPU seconds?

Volumes are those of the retrained front: who stands on the front at a time is what the search saw,
what they are worth is what their retraining gave. 1 is the front of all that was retrained.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from experiments.search_quality.scale import Scale, scale_of
from experiments.time_to_front.real.searches import OBJECTIVES
from nas.architecture import Architecture
from nas.objective import losses
from nas.pareto.dominance import front_mask
from nas.seeding import generator
from nas.trial import TrialRecord, TrialState

# Shares of the CPU seconds of whole trainings at which fronts are looked at.
LOOKS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
ENOUGH = 0.95  # of what whole trainings have in the end
NUM_SAMPLED = 6  # trials of each search that are retrained whatever they seemed worth


@dataclass(frozen=True)
class ArmRow:
    """What one search had at one time.

    Attributes:
        problem: what was searched.
        arm: how trials were trained.
        seed: of the search.
        look: share of the CPU seconds that whole trainings took.
        cpu_s: of the trials that had ended by then.
        num_trials: that had ended by then.
        volume: share of the hypervolume, retrained.
    """

    problem: str
    arm: str
    seed: int
    look: float
    cpu_s: float
    num_trials: int
    volume: float


@dataclass(frozen=True)
class RankRow:
    """How well an arm's accuracies rank what long trainings from scratch give.

    Attributes:
        problem: what was searched.
        arm: how trials were trained.
        seed: of the search.
        num_networks: a sample of its trials.
        correlation: Spearman's, of what is left of both when the size is accounted for.
    """

    problem: str
    arm: str
    seed: int
    num_networks: int
    correlation: float


def fronts_at(records: Sequence[TrialRecord], times_s: Sequence[float]) -> list[list[TrialRecord]]:
    """Return the front that a search saw at each time, by the CPU seconds of its trials."""
    ends = np.cumsum([record.seconds for record in records])
    return [_front(records[: int(np.searchsorted(ends, t, side="right"))]) for t in times_s]


def _front(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    whole = complete(records)
    points = [(losses(OBJECTIVES, record.metrics), record) for record in whole]
    known = [(point, record) for point, record in points if point is not None]
    if not known:
        return []
    mask = front_mask(np.array([point for point, _ in known]))
    return [record for (_, record), is_on in zip(known, mask, strict=True) if is_on]


def complete(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return those that were trained in full, or as long as a relative's weights ask for."""
    return [record for record in records if record.state is TrialState.COMPLETE]


def sample(records: Sequence[TrialRecord], *, seed: int) -> list[TrialRecord]:
    """Return some complete trials of the second half, drawn blindly."""
    later = complete(records[len(records) // 2 :])
    places = generator(seed, "sample").permutation(len(later))[:NUM_SAMPLED]
    return [later[place] for place in sorted(places)]


def wanted(records: Sequence[TrialRecord], times_s: Sequence[float]) -> list[Architecture]:
    """Return what must be retrained to know the volumes at some times."""
    found = {r.architecture.id: r.architecture for f in fronts_at(records, times_s) for r in f}
    return list(found.values())


def scale_for(records: Sequence[TrialRecord], retrained: Mapping[str, float]) -> Scale:
    """Return the scale on which the front of all that was retrained is 1."""
    return scale_of(_points([r for r in records if r.architecture.id in retrained], retrained))


def rows_of(
    search: tuple[str, str, int],
    records: Sequence[TrialRecord],
    *,
    total_s: float,
    retrained: Mapping[str, float],
    scale: Scale,
) -> list[ArmRow]:
    """Return a row for each look at a search, until its trials end.

    Args:
        search: problem, arm and seed.
        records: its trials, in order.
        total_s: CPU seconds of whole trainings.
        retrained: architecture id -> test accuracy.
        scale: of the problem.
    """
    ends = np.cumsum([record.seconds for record in records])
    rows = []
    for look in LOOKS:
        num = int(np.searchsorted(ends, look * total_s, side="right"))
        points = _points(_front(records[:num]), retrained)
        volume = scale.share(points) if len(points) else 0.0
        spent = float(ends[num - 1]) if num else 0.0
        rows.append(ArmRow(*search, look, round(spent, 3), num, round(volume, 5)))
    return rows


def rank_row(
    search: tuple[str, str, int],
    records: Sequence[TrialRecord],
    *,
    retrained: Mapping[str, float],
) -> RankRow:
    """Return the rank correlation, given size, of a sample that was retrained."""
    sizes = np.log10([record.metrics["size_bytes"] for record in records])
    seen = np.array([record.metrics["accuracy"] for record in records])
    true = np.array([retrained[record.architecture.id] for record in records])
    found = spearmanr(given_size(sizes, seen), given_size(sizes, true)).statistic
    return RankRow(*search, len(records), round(float(found), 3))


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


def table(rows: Sequence[ArmRow], ranks: Sequence[RankRow]) -> list[str]:
    """Return the lines of a table: for each problem and arm how soon and how much."""
    lines = [
        "| problem | arm | share of CPU s until 95 %, by seed | volume at 0.2 / 0.4 / 1 | rank |",
        "|---|---|---|---|---|",
    ]
    groups: dict[tuple[str, str], dict[int, list[ArmRow]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        groups[row.problem, row.arm][row.seed].append(row)
    for (problem, arm), by_seed in groups.items():
        whole = groups[problem, "whole"]
        ends = [row.volume for seed in by_seed for row in whole[seed] if row.look == 1.0]
        enough = ENOUGH * float(np.mean(ends)) if ends else math.nan
        soon = [looks_until(found, enough=enough) for found in by_seed.values()]
        told = ", ".join("–" if math.isinf(look) else f"{look:g}" for look in soon)
        found = [r.correlation for r in ranks if (r.problem, r.arm) == (problem, arm)]
        cells = " / ".join(_volume(by_seed, look) for look in (0.2, 0.4, 1.0))
        lines.append(f"| {problem} | {arm} | {told} | {cells} | {_mean(found)} |")
    return lines


def _volume(by_seed: Mapping[int, Sequence[ArmRow]], look: float) -> str:
    return _mean([row.volume for rows in by_seed.values() for row in rows if row.look == look])


def _mean(values: Sequence[float]) -> str:
    if not values:
        return "–"
    error = np.std(values, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return f"{np.mean(values):.3f} ± {error:.3f}"


def _points(records: Sequence[TrialRecord], retrained: Mapping[str, float]) -> np.ndarray:
    """Return losses (n, 2): minus the retrained accuracy, log10 of the size."""
    rows = [(-retrained[r.architecture.id], math.log10(r.metrics["size_bytes"])) for r in records]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)
