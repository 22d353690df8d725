"""Which candidates to train, given all results so far?

A plan fits the model to the results, describes neighbours of the front and random other
architectures, and picks the one with the largest expected gain in hypervolume. A further pick from
the same plan treats the earlier ones as if they had their expected values, so that many trials can
run side by side.

Notation: n architectures, m objectives, d of them measured and the others static; a loss is an
objective's value, turned so that lower is better; reference (m,) is the worst corner that counts;
mean and sd (n, m) are what the models expect of candidates, with sd 0 for static objectives.
"""

from collections.abc import Callable, Collection, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from nas.frontier.acquisition import (
    chance_within,
    expected_hypervolume_improvement,
    undominated_boxes,
)
from nas.frontier.aim import Aim
from nas.frontier.candidates import CandidateBatch, CandidatePool
from nas.frontier.expert_prior import LASTS, ExpertPrior
from nas.frontier.gaussian_process import Posterior
from nas.frontier.goals import Goals
from nas.frontier.greedy_batch import GreedyBatch, ScoredCandidates
from nas.frontier.loss_scale import LossScale
from nas.frontier.noise import ReadingNoise, exact, told
from nas.frontier.observations import Observations
from nas.frontier.surrogates import Expectation, Surrogates, believed
from nas.frontier.untried_settings import SHARE_UNTRIED, UntriedSettings
from nas.pareto.dominance import front_mask

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Results that a plan takes in: for one pick, and for several.
MAX_SEEN, MAX_SEEN_AT_ONCE = 800, 400
# The worst loss that counts while the front is empty, on the scale of the models.
WORST_SPREAD = 3.0
# How far better than expected, in standard deviations, the smallest networks without a result may
# turn out. The front begins there, so gains below it are worth nothing.
OPTIMISM = 2.0
# Running trials that lower the model's variance; the rest count on the front only.
MAX_EXPECTED = 100
# Most plans narrow the standard deviations, which finds the front faster. Some widen them, more
# often where few of the last results reached the front: there a search is stuck.
NARROW, WIDE, SHARE_WIDE, NUM_RECENT = 0.7, 2.0, 0.6, 8
# How far beyond the front's edges gains count, as a share of its range; sometimes sizes count up
# to half way to the largest, or one seed in five never returns to large networks.
MARGIN, SHARE_FAR = 0.2, 0.2
# Random candidates. In an enumerated space all are taken while their covariances with the results
# stay below this number.
NUM_RANDOM, MAX_COVARIANCES = 1000, 600_000
# Neighbours in an enumerated space, where describing them costs nothing.
NUM_NEAR = 1000
# Rounds that add neighbours of the best candidates, and how many these are. Many rounds with few
# neighbours find more than few rounds with many.
NUM_ROUNDS, NUM_ROUNDS_IN_POOL, NUM_BEST = 6, 2, 20


class CandidatePlan:
    """One choice of candidates, from which one trial or several are picked.

    Args:
        observations: results, running and known trials.
        candidates: the pool that they are taken from.
        surrogates: the models.
        goals: which objectives are measured.
        aim: which part of their space counts.
        num_candidates: how many new architectures are described, about.
        num_picks: how many picks are going to be asked for.
        rng: draws.
        noise: of the results; by default they are taken as exact.

    Attributes:
        front: (n, m) losses that candidates must improve on; of running trials expected ones.
    """

    def __init__(
        self,
        observations: Observations,
        candidates: CandidatePool,
        surrogates: Surrogates,
        goals: Goals,
        aim: Aim,
        *,
        num_candidates: int,
        num_picks: int,
        rng: np.random.Generator,
        noise: ReadingNoise | None = None,
    ) -> None:
        assert observations.complete is not None, "a plan needs results"
        self._goals, self._aim = goals, aim
        self._noise = noise or exact(len(goals.measured))
        self._rng = rng
        seen = observations.complete
        losses = goals.measured_losses(observations.values)
        self._worst = aim.worst(losses[seen.is_allowed], goals.measured)
        limit = MAX_SEEN if num_picks == 1 else MAX_SEEN_AT_ONCE
        self._models, self._scale = self._fit(seen, losses, surrogates, limit=limit)
        num_before = max(len(observations.known) - len(aim.start_quantiles), 0)
        self._weigh = self._weigher(candidates.prior, seen, num_before=num_before)
        self._warps = dict(zip(goals.measured, self._scale.warps(), strict=True))
        values = believed(self._models, seen.features, self._scale(losses), self._noise)
        self._results = results = self._columns(seen.static, values)
        wide = SHARE_WIDE * (1.0 - _share_of_hits(results))
        self._widening = WIDE if rng.random() < wide else NARROW
        self.front = results[seen.is_allowed]
        self._expect(observations, candidates, on_front=num_picks > 1)
        self._reference = self._edges(seen, candidates.pool)
        self._bounds = np.full(len(goals.is_static), np.inf)
        self._bounds[goals.measured] = self._scale(self._worst)
        if aim.is_best:  # every network is as large as every other
            self._reference[goals.static] = 1.0
        self._boxes = undominated_boxes(self.front, reference=self._reference, warps=self._warps)
        self._picks = GreedyBatch(
            self._describe(observations, candidates, seen, num_candidates),
            cast("Sequence[Posterior]", self._models),  # of several picks from one plan
            measured=goals.measured,
            front=self.front,
            reference=self._reference,
            warps=self._warps,
            widening=self._widening,
            bounds=self._bounds,
        )

    def _fit(
        self, seen: CandidateBatch, losses: FloatArray, surrogates: Surrogates, *, limit: int
    ) -> tuple[Sequence[Expectation], LossScale]:
        """Return the models of the measured objectives, and the scale that they see."""
        return surrogates.posteriors(seen, losses, limit=limit), LossScale(losses)

    def _weigher(
        self, prior: ExpertPrior, seen: CandidateBatch, *, num_before: int
    ) -> Callable[[FloatArray], FloatArray]:
        """Return what weighs gains by the prior, which results may speak against."""
        trust = 1.0
        # Models of trials that train in steps have seen other rows, and say nothing of it.
        models = [model for model in self._models if isinstance(model, Posterior)]
        if models and num_before < LASTS and len(seen) <= MAX_SEEN_AT_ONCE:
            trust = prior.trust(models, seen.rows)
        return prior.weigher(num_before, self._rng, trust=trust)

    def pick(self, known: Collection[int]) -> FloatArray | None:
        """Return the row of the candidate with the largest expected gain; count it as running.

        Args:
            known: networks that must not come.
        """
        return self._picks.next(known)

    def _columns(self, static: FloatArray, measured: FloatArray) -> FloatArray:
        """Return all objectives (n, m) in the study's order."""
        table = np.empty((len(static), len(self._goals.is_static)))
        costs = static[:, : len(self._goals.static)]
        table[:, self._goals.static] = 0.0 * costs if self._aim.is_best else costs
        table[:, self._goals.measured] = measured
        return table

    def _expect(
        self, observations: Observations, candidates: CandidatePool, *, on_front: bool
    ) -> None:
        """Count running trials at their expected values, stopped ones in the model only.

        Few running trials count in the model only, too: their expected values would hide what is
        like them and better. Of many picks from one plan too many would be alike without them.
        """
        running = [observations.running[number] for number in sorted(observations.running)]
        stopped = [observations.pruned[number] for number in sorted(observations.pruned)]
        if running and on_front:
            batch = candidates.gather(running)
            means = np.column_stack([model.mean(batch.features) for model in self._models])
            columns = self._columns(batch.static, means)
            self.front = np.vstack([self.front, columns[batch.is_allowed]])
        counted = [*running[-MAX_EXPECTED:], *stopped[-MAX_EXPECTED:]]
        if counted:
            features = candidates.gather(counted).features
            noise = self._noise_at(np.column_stack([m.mean(features) for m in self._models]))
            models = cast("Sequence[Posterior]", self._models)  # `StepPlan` has its own `_expect`
            self._models = [
                model.expecting(features, own) for model, own in zip(models, noise.T, strict=True)
            ]

    def _edges(self, seen: CandidateBatch, pool: CandidateBatch) -> FloatArray:
        """Return the worst corner that counts: a little beyond the front, sometimes further."""
        if not len(self.front):  # all results break the constraints
            worst = np.full((1, len(self._goals.measured)), WORST_SPREAD)
            largest = pool.static.max(axis=0, keepdims=True)
            return np.asarray(self._columns(largest + MARGIN, worst)[0])
        front = self.front[front_mask(self.front)]
        low, high = front.min(axis=0), front.max(axis=0)
        reference = np.empty(len(high))
        measured = self._goals.measured
        optimistic = self._optimistic_ends(seen, pool)
        reference[measured] = self._worst_measured(low[measured], high[measured], optimistic)
        is_far = self._rng.random() < SHARE_FAR
        for place, column in enumerate(self._goals.static):
            edge = high[column]
            middle = max(np.median(seen.static[:, place]), np.median(pool.static[:, place]))
            reference[column] = max(edge, middle) + MARGIN * max(edge - low[column], 1e-9)
            if is_far:
                largest = float(pool.static[:, place].max())
                reference[column] = max(reference[column], edge + 0.5 * (largest - edge) + 1e-9)
        return reference

    def _worst_measured(
        self, low: FloatArray, high: FloatArray, optimistic: FloatArray
    ) -> FloatArray:
        """Return the measured objectives' edge (d), a little beyond the front (low to high).

        The front itself counts as far as the warping begins; beyond that only down to the
        optimistic bound of the smallest networks: the one that was trained may be the worst of
        its size.
        """
        scale = self._scale
        worst = np.minimum(high, np.maximum(scale.knot, optimistic))
        top, bottom = scale.straight(worst), scale.straight(low)
        edge = top + MARGIN * np.maximum(top - bottom, 0.5 * scale.sd)
        return scale(np.minimum(edge, self._worst))

    def _optimistic_ends(self, seen: CandidateBatch, pool: CandidateBatch) -> FloatArray:
        """Return optimistic bounds (d) of the losses at the worse end of the front.

        Its ends are the networks that are smallest by one of the static objectives. Where one of
        them alone is smallest and has a result, the front begins at that result, however bad.
        """
        num_static = len(self._goals.static)
        optimistic = np.full(len(self._models), -np.inf if num_static else np.inf)
        results = self._results[:, self._goals.measured]
        for place, column in enumerate(pool.static.T[:num_static]):
            edge = column.min() + 1e-9
            untrained = np.flatnonzero((column <= edge) & ~np.isin(pool.keys, seen.keys))
            bounds = results[seen.is_allowed & (seen.static[:, place] <= edge)]
            if len(untrained):
                features = pool.features[untrained[:NUM_RANDOM]]
                predicted = [model.predict(features) for model in self._models]
                bounds = np.vstack(
                    [bounds, [(mean - OPTIMISM * sd).min() for mean, sd in predicted]]
                )
            optimistic = np.maximum(optimistic, bounds.min(axis=0, initial=np.inf))
        return optimistic

    def _describe(
        self,
        observations: Observations,
        candidates: CandidatePool,
        seen: CandidateBatch,
        num_candidates: int,
    ) -> ScoredCandidates:
        """Find candidates and their gains: neighbours of the front, random ones, then refine."""
        rng = self._rng
        known = np.fromiter(observations.known, np.int64, len(observations.known))
        num_rounds, num_random = NUM_ROUNDS, NUM_RANDOM
        if candidates.is_exhaustive:
            num_candidates, num_rounds = NUM_NEAR, NUM_ROUNDS_IN_POOL
            num_random = max(NUM_RANDOM, MAX_COVARIANCES // self._num_results(seen))
        found = candidates.some(num_random, rng)
        is_all = candidates.is_exhaustive and len(found) == candidates.is_left.sum()
        share = num_candidates // (num_rounds + 1)
        found = found.new(known)
        parents = self._parents(seen)
        if len(parents) and not is_all:
            near = candidates.near(parents, count=share, max_changes=2, rng=rng)
            found = found.join(near.new(np.concatenate([known, found.keys])))
        untried = self._untried(observations, candidates, seen)
        found = _with_untried(found, untried) or found
        scored = [self._score(found)]
        for _ in range(num_rounds if len(found) and not is_all else 0):
            near = candidates.near(_best_rows(scored), count=share, max_changes=1, rng=rng)
            near = near.new(np.concatenate([known, *[part.batch.keys for part in scored]]))
            near = _with_untried(near, untried)
            if len(near):
                scored.append(self._score(near))
        return scored[0].join(*scored[1:])

    def _untried(
        self, observations: Observations, candidates: CandidatePool, seen: CandidateBatch
    ) -> UntriedSettings | None:
        """Return what tells new settings, where this plan is to choose among these alone."""
        columns = candidates.embedding.setting_columns
        if not len(columns) or self._rng.random() >= SHARE_UNTRIED:
            return None
        tried = [seen.features]
        if observations.running:
            tried.append(candidates.gather([*observations.running.values()]).features)
        return UntriedSettings(np.vstack(tried), columns)

    def _num_results(self, seen: CandidateBatch) -> int:
        """Return how many results the models have taken in."""
        return len(seen)

    def _parents(self, seen: CandidateBatch) -> FloatArray:
        """Return the rows of the networks on the front that have results."""
        rows = seen.rows[seen.is_allowed]
        counts = self.front[:, self._goals.measured] <= self._scale(self._worst)
        members = np.flatnonzero(front_mask(self.front) & counts.all(axis=1))
        return np.asarray(rows[members[members < len(rows)]])

    def _score(self, batch: CandidateBatch) -> ScoredCandidates:
        """Return what is expected of candidates."""
        both = [model.predict(batch.features) for model in self._models]
        mean = self._columns(batch.static, np.column_stack([mean for mean, _ in both]))
        sd = self._columns(0.0 * batch.static, np.column_stack([sd for _, sd in both]))
        noise = self._noise_at(mean[:, self._goals.measured])
        for column in self._noise.columns:
            noise[:, column] += cast("Posterior", self._models[column]).noise
        noise = self._columns(0.0 * batch.static, noise)
        gain = self._gain(batch, mean, sd, noise)
        return ScoredCandidates(batch, mean, sd, noise, gain, self._weigh(batch.rows))

    def _noise_at(self, expected: FloatArray) -> FloatArray:
        """Return the known variances (n, d) of readings of what is expected."""
        return self._noise.on_scale(self._scale, self._scale.straight(expected))

    def _gain(
        self, batch: CandidateBatch, mean: FloatArray, sd: FloatArray, noise: FloatArray
    ) -> FloatArray:
        """Return what training each candidate is worth: the expected gain in hypervolume."""
        del batch
        moved = self._widening * told(sd, noise)
        gain = expected_hypervolume_improvement(self._boxes, mean=mean, sd=moved)
        return chance_within(self._bounds, mean=mean, sd=sd) * gain


def _with_untried(batch: CandidateBatch, untried: UntriedSettings | None) -> CandidateBatch:
    """Return the candidates with untried settings; all where that does not matter."""
    return batch if untried is None else batch.take(np.flatnonzero(untried(batch.features)))


def _best_rows(scored: Sequence[ScoredCandidates]) -> FloatArray:
    """Return the rows of the candidates with the largest expected gains."""
    worth = np.concatenate([part.worth for part in scored])
    rows = np.concatenate([part.batch.rows for part in scored])
    return np.asarray(rows[np.argsort(-worth, kind="stable")[:NUM_BEST]])


def _share_of_hits(losses: FloatArray) -> float:
    """Return how many of the last results stood on the front of all results up to them."""
    recent = range(max(len(losses) - NUM_RECENT, 1), len(losses))
    hits = [not ((losses[:i] <= losses[i]).all(axis=1)).any() for i in recent]
    return sum(hits) / max(len(hits), 1)
