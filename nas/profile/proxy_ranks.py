"""How well would zero-cost proxies rank the networks of a space? Against size, and what is known.

Before a run only their agreement with the size can be told; once there is one, how well they rank
what it measured, beside the size itself, which is the guess to beat.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.stats import rankdata, spearmanr

from nas.architecture import Architecture
from nas.evaluation.placement import move_to_device
from nas.evaluation.trained import TrainedEvaluator
from nas.measure.cost import input_size, on_meta_device
from nas.measure.proxies import PROXIES, score_proxies
from nas.objective import Objective
from nas.seeding import generator
from nas.train.device import choose_device
from nas.trial import TrialRecord

BATCH_SIZE = 64
NUM_BATCHES = 2
DEGREE = 2  # of the curve along which results rise with the size, in ranks


@dataclass(frozen=True)
class RankRow:
    """One proxy, or the size.

    Attributes:
        name: of the proxy or the cost.
        paper: where it comes from.
        correlations: Spearman's rank correlation with each target, which all are better when
            higher; NaN where there is nothing to rank.
        seconds_each: for one network.
        at_equal_size: the same correlations without what the number of parameters explains of
            both, which is known anyway; empty where no result is at hand.
    """

    name: str
    paper: str
    correlations: tuple[float, ...]
    seconds_each: float = 0.0
    at_equal_size: tuple[float, ...] = ()


@dataclass(frozen=True)
class ProxyRanks:
    """Proxies of several networks, and how they rank them.

    Attributes:
        words: what was ranked.
        targets: what the correlations are with.
        rows: one for the size, then one for each proxy.
        values: architecture_id -> proxy -> score.
    """

    words: str
    targets: tuple[str, ...]
    rows: tuple[RankRow, ...]
    values: Mapping[str, Mapping[str, float]]


@dataclass
class _Scores:
    """What was computed, column by column."""

    columns: dict[str, list[float]]
    seconds: dict[str, float] = field(default_factory=dict)
    architectures: list[Architecture] = field(default_factory=list)


def rank_with_size(
    evaluator: TrainedEvaluator,
    sample: Sequence[tuple[Architecture, Mapping[str, float]]],
    *,
    names: Sequence[str],
    time_limit_s: float,
    seed: int = 0,
) -> ProxyRanks:
    """Return how proxies of a sample go with the number of parameters, before any training."""
    scores = _score([a for a, _ in sample], evaluator, names, time_limit_s, seed)
    number = len(scores.architectures)
    sizes = [costs["num_params"] for _, costs in sample[:number]]
    rows = [_row(name, scores, [sizes]) for name in names]
    words = f"rank correlation of proxies over {number} networks; none of them is trained yet"
    return ProxyRanks(words, ("with params",), tuple(rows), _values(scores))


def rank_with_results(
    evaluator: TrainedEvaluator,
    records: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    *,
    names: Sequence[str],
    time_limit_s: float,
    seed: int = 0,
) -> ProxyRanks:
    """Return how well proxies rank what a run measured.

    Args:
        evaluator: builds models and has the data.
        records: comparable trials.
        objectives: of the run; those that are measured are the targets.
        names: of the proxies.
        time_limit_s: of computing; the networks of later trials are then left out.
        seed: of weights and batches.
    """
    measured = [objective for objective in objectives if not objective.is_static]
    order = generator(seed, "proxy trials").permutation(len(records))
    shuffled = [records[int(index)] for index in order]  # early trials are no fair sample
    scores = _score([r.architecture for r in shuffled], evaluator, names, time_limit_s, seed)
    number = len(scores.architectures)
    targets = [[-o.loss(r.metrics[o.metric]) for r in shuffled[:number]] for o in measured]
    sizes = [evaluator.static_costs(a)["num_params"] for a in scores.architectures]
    nothing = (math.nan,) * len(targets)  # the size says nothing at equal size
    correlations = _correlations(sizes, targets)
    baseline = RankRow("num_params", "the guess to beat", correlations, at_equal_size=nothing)
    rows = [baseline, *(_row(name, scores, targets, sizes) for name in names)]
    words = f"rank correlation with what {number} trials measured"
    if number > 3:
        words += f" (each ±{1.96 * 1.03 / math.sqrt(number - 3):.2f}, 95 %)"
    else:
        words += ": too few to tell anything"
    return ProxyRanks(words, tuple(o.metric for o in measured), tuple(rows), _values(scores))


def _row(
    name: str,
    scores: _Scores,
    targets: Sequence[Sequence[float]],
    sizes: Sequence[float] | None = None,
) -> RankRow:
    number = max(1, len(scores.architectures))
    values = scores.columns[name]
    at_equal_size = (
        () if sizes is None else tuple(partial_rank_correlation(values, t, sizes) for t in targets)
    )
    return RankRow(
        name,
        PROXIES[name].paper,
        _correlations(values, targets),
        scores.seconds[name] / number,
        at_equal_size,
    )


def _correlations(
    values: Sequence[float], targets: Sequence[Sequence[float]]
) -> tuple[float, ...]:
    return tuple(rank_correlation(values, target) for target in targets)


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Return Spearman's correlation over the pairs that are finite; NaN where one is constant."""
    pairs = np.array([one, other], dtype=np.float64)
    pairs = pairs[:, np.isfinite(pairs).all(axis=0)]
    if pairs.shape[1] < 3 or (np.ptp(pairs, axis=1) == 0).any():
        return math.nan
    return float(spearmanr(pairs[0], pairs[1]).statistic)


def partial_rank_correlation(
    one: Sequence[float], other: Sequence[float], known: Sequence[float]
) -> float:
    """Return Spearman's correlation of what a third variable leaves unexplained of two others.

    What it explains is a parabola in ranks: accuracy rises with the size, but not for ever.
    NaN where little more than the parabola could be told: below twice its coefficients.
    """
    triples = np.array([one, other, known], dtype=np.float64)
    ranks = rankdata(triples[:, np.isfinite(triples).all(axis=0)], axis=1)
    if ranks.shape[1] <= 2 * (DEGREE + 1) or (np.ptp(ranks, axis=1) == 0).any():
        return math.nan
    scale = ranks[2] / ranks.shape[1]
    left = [y - np.polyval(np.polyfit(scale, y, DEGREE), scale) for y in ranks[:2]]
    # What the size explains wholly leaves rounding errors, which would be ranked.
    if any(np.abs(residuals).max() < 1e-6 * ranks.shape[1] for residuals in left):
        return math.nan
    return float(spearmanr(*left).statistic)


def _score(
    architectures: Sequence[Architecture],
    evaluator: TrainedEvaluator,
    names: Sequence[str],
    time_limit_s: float,
    seed: int,
) -> _Scores:
    batches = _Batches(evaluator, seed=seed)
    scores = _Scores({name: [] for name in names}, dict.fromkeys(names, 0.0))
    started_s = time.monotonic()
    for architecture in architectures:
        if time.monotonic() - started_s > time_limit_s:
            break
        for name in names:
            before_s = time.perf_counter()
            scores.columns[name].append(batches.score(architecture, name))
            scores.seconds[name] += time.perf_counter() - before_s
        scores.architectures.append(architecture)
    return scores


def _values(scores: _Scores) -> dict[str, dict[str, float]]:
    return {
        architecture.id: {name: column[index] for name, column in scores.columns.items()}
        for index, architecture in enumerate(scores.architectures)
    }


class _Batches:
    """The same training images for every network, at the size that each takes."""

    def __init__(self, evaluator: TrainedEvaluator, *, seed: int) -> None:
        self._space, self._data, self._seed = evaluator.space, evaluator.data, seed
        number = min(NUM_BATCHES * BATCH_SIZE, len(evaluator.data.train))
        chosen = generator(seed, "proxy batches").permutation(len(evaluator.data.train))[:number]
        device = choose_device(evaluator.recipe.device)
        few = replace(evaluator.data, train=evaluator.data.train.take(chosen))
        self._resident = move_to_device(few, device, num_loaders=0)

    def score(self, architecture: Architecture, name: str) -> float:
        """Return a proxy of an architecture; NaN where it cannot be computed."""
        shape = self._data.shape
        try:
            with on_meta_device():
                size = input_size(self._space.build(architecture, shape), shape)
            split = self._resident.resized(size)
            (stored,) = split.train.blocks(NUM_BATCHES * BATCH_SIZE)
            images = split.to_input(stored)
            batches = list(
                zip(
                    images.chunk(NUM_BATCHES),
                    split.train.labels.chunk(NUM_BATCHES),
                    strict=True,
                )
            )
            found = score_proxies(
                lambda: self._space.build(architecture, shape),
                batches,
                names=[name],
                seed=self._seed,
            )
        except (RuntimeError, ValueError, TypeError):
            return math.nan  # a model that refuses double precision, or has no gradient
        return found[name]
