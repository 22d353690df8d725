"""Which candidates to train, given all results so far: one look, one model, one pick or many.

A plan conditions the model on the results, looks at neighbours of the front and at random others,
and picks the largest expected gain. A further pick from the same plan counts the earlier ones as
seen at their expected values, so that many trials can run side by side.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.pareto.dominance import front_mask, ranks
from nas.sampling.candidates import Candidates, Looks
from nas.sampling.gaussian_process import Kernel, Posterior, fit
from nas.sampling.history import History
from nas.sampling.hypervolume_gain import expected_gain, undominated_boxes
from nas.sampling.loss_scale import LossScale
from nas.sampling.picks import Judged, Picks
from nas.seeding import generator

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Results beyond this many are thinned out: the best layers, and random others.
MAX_SEEN, MAX_SEEN_AT_ONCE, MAX_TUNED = 800, 400, 160
# The hyperparameters are set anew when the results have grown by a tenth.
GROWTH = 1.1
# What counts as the worst loss of a front that is not there yet, on the scale of the models.
WORST_SPREAD = 3.0
# How far above its expectation, in standard deviations, the accuracy of the smallest networks that
# have no result is hoped for: the front begins there, so gains below it are worth nothing.
HOPE = 2.0
# Running trials that lower the model's variance; the rest count on the front only.
MAX_EXPECTED = 100
# Picks go by a narrowed spread: that finds the front faster. Some go by a widened one, the more
# the fewer of the last results came to stand on the front: where the search is stuck.
NARROW, WIDE, SHARE_WIDE, NUM_RECENT = 0.7, 2.0, 0.6, 8
# How far beyond the front's edges gains count, as a share of its range; sometimes sizes count up
# to half way to the largest, or a seed in five never looks at large networks again.
MARGIN, SHARE_FAR = 0.2, 0.2
# Random candidates; more while their covariances with the results stay below so many: a space that
# is looked at as a whole is gone through as a whole.
NUM_RANDOM, MAX_COVARIANCES = 1000, 600_000
# Neighbours where looking at them costs nothing.
NUM_NEAR = 1000
# Rounds of looking at neighbours of the best candidates, and how many of these are taken. A way
# of many steps finds more than as many looks in few.
NUM_ROUNDS, NUM_ROUNDS_IN_POOL, NUM_BEST = 6, 2, 20


@dataclass(frozen=True)
class Goals:
    """Which objectives are known beforehand, and which way they go.

    Attributes:
        is_static: for each objective of the study, whether it is known without training.
        signs: what a value is multiplied with to be a loss.
    """

    is_static: tuple[bool, ...]
    signs: tuple[float, ...]

    @property
    def static(self) -> list[int]:
        """Columns that are known beforehand."""
        return [i for i, known in enumerate(self.is_static) if known]

    @property
    def dear(self) -> list[int]:
        """Columns that only training tells."""
        return [i for i, known in enumerate(self.is_static) if not known]

    def dear_losses(self, values: FloatArray) -> FloatArray:
        """Return the dear objectives' losses (n, d) of a study's values (n, m)."""
        return np.asarray(values[:, self.dear] * np.array(self.signs)[self.dear])


class Surrogates:
    """A model of each dear objective; its hyperparameters follow from the first results alone.

    Args:
        kernel: covariance of all of them.
        seed: of the choice of results where there are too many.
    """

    def __init__(self, kernel: Kernel, *, seed: int) -> None:
        self._kernel = kernel
        self._seed = seed
        self._milestone = 0
        self._thetas: list[FloatArray] = []

    def posteriors(self, seen: Looks, losses: FloatArray, *, limit: int) -> list[Posterior]:
        """Return each dear objective's model of its standardised losses.

        Args:
            seen: (n) architectures with results.
            losses: (n, d) their losses.
            limit: most results that it takes in.
        """
        self._tune(seen, losses)
        which = self._most_telling(seen, losses, limit=limit)
        targets = LossScale(losses)(losses)
        return [
            Posterior(self._kernel, theta, seen.features[which], targets[which, column])
            for column, theta in enumerate(self._thetas)
        ]

    def _tune(self, seen: Looks, losses: FloatArray) -> None:
        """Set the hyperparameters as of the last milestone that the results have passed."""
        milestone = self._milestone or 2
        while len(seen) >= _next_milestone(milestone):
            milestone = _next_milestone(milestone)
        if milestone == self._milestone:
            return
        first = seen.take(np.arange(milestone))
        which = self._most_telling(first, losses[:milestone], limit=MAX_TUNED)
        targets = LossScale(losses[:milestone])(losses[:milestone])[which]
        self._thetas = [fit(self._kernel, first.features[which], target) for target in targets.T]
        self._milestone = milestone

    def _most_telling(self, seen: Looks, losses: FloatArray, *, limit: int) -> IntArray:
        """Return which results to keep: the best layers and, as many again, random others."""
        if len(seen) <= limit:
            return np.arange(len(seen))
        order = np.argsort(ranks(np.hstack([losses, seen.static])), kind="stable")
        best, rest = order[: limit // 2], order[limit // 2 :]
        rng = generator(self._seed, "subset", len(seen) // 100)
        return np.sort(np.concatenate([best, rng.permutation(rest)[: limit - len(best)]]))


class Plan:
    """One look at the space, from which candidates are picked.

    Args:
        history: results, running and known trials.
        candidates: what looks at architectures.
        surrogates: the models.
        goals: which objectives are dear.
        num_looks: how many new architectures are looked at, about.
        num_picks: how many picks are going to be asked for.
        rng: draws.
    """

    def __init__(
        self,
        history: History,
        candidates: Candidates,
        surrogates: Surrogates,
        goals: Goals,
        *,
        num_looks: int,
        num_picks: int,
        rng: np.random.Generator,
    ) -> None:
        assert history.complete is not None, "a plan needs results"
        self._goals = goals
        self._rng = rng
        seen = history.complete
        losses = goals.dear_losses(history.values)
        limit = MAX_SEEN if num_picks == 1 else MAX_SEEN_AT_ONCE
        self._models = surrogates.posteriors(seen, losses, limit=limit)
        self._scale = LossScale(losses)
        self._bends = dict(zip(goals.dear, self._scale.bends(), strict=True))
        self._results = results = self._columns(seen.static, self._scale(losses))
        wide = SHARE_WIDE * (1.0 - _share_of_hits(results))
        self._widening = WIDE if rng.random() < wide else NARROW
        self._front = results[seen.is_allowed]
        self._expect(history, candidates, on_front=num_picks > 1)
        self._reference = self._edges(seen, candidates.pool)
        self._boxes = undominated_boxes(self._front, reference=self._reference, bends=self._bends)
        self._picks = Picks(
            self._look(history, candidates, seen, num_looks),
            self._models,
            dear=goals.dear,
            front=self._front,
            reference=self._reference,
            bends=self._bends,
            widening=self._widening,
        )

    def pick(self, known: Collection[int]) -> FloatArray | None:
        """Return the row of the candidate with the largest expected gain; count it as running.

        Args:
            known: networks that must not come.
        """
        return self._picks.next(known)

    def _columns(self, static: FloatArray, dear: FloatArray) -> FloatArray:
        """Return all objectives (n, m) in the study's order."""
        table = np.empty((len(static), len(self._goals.is_static)))
        table[:, self._goals.static] = static[:, : len(self._goals.static)]
        table[:, self._goals.dear] = dear
        return table

    def _expect(self, history: History, candidates: Candidates, *, on_front: bool) -> None:
        """Count running trials at their expected values, stopped ones in the model only.

        Few running trials count in the model only, too: their expected values would hide what is
        like them and better. Of many picks from one plan too many would be alike without them.
        """
        running = [history.running[number] for number in sorted(history.running)]
        stopped = [history.pruned[number] for number in sorted(history.pruned)]
        if running and on_front:
            looks = candidates.gather(running)
            means = np.column_stack([model.mean(looks.features) for model in self._models])
            columns = self._columns(looks.static, means)
            self._front = np.vstack([self._front, columns[looks.is_allowed]])
        counted = [*running[-MAX_EXPECTED:], *stopped[-MAX_EXPECTED:]]
        if counted:
            features = candidates.gather(counted).features
            self._models = [model.expecting(features) for model in self._models]

    def _edges(self, seen: Looks, pool: Looks) -> FloatArray:
        """Return the worst corner that counts: a little beyond the front, sometimes further."""
        if not len(self._front):  # all results break the constraints
            worst = np.full((1, len(self._goals.dear)), WORST_SPREAD)
            largest = pool.static.max(axis=0, keepdims=True)
            return np.asarray(self._columns(largest + MARGIN, worst)[0])
        front = self._front[front_mask(self._front)]
        low, high = front.min(axis=0), front.max(axis=0)
        reference = np.empty(len(high))
        dear = self._goals.dear
        hopes = self._hoped_for(seen, pool)
        reference[dear] = self._worst_dear(low[dear], high[dear], hopes)
        is_far = self._rng.random() < SHARE_FAR
        for place, column in enumerate(self._goals.static):
            edge = high[column]
            middle = max(np.median(seen.static[:, place]), np.median(pool.static[:, place]))
            reference[column] = max(edge, middle) + MARGIN * max(edge - low[column], 1e-9)
            if is_far:
                largest = float(pool.static[:, place].max())
                reference[column] = max(reference[column], edge + 0.5 * (largest - edge) + 1e-9)
        return reference

    def _worst_dear(self, low: FloatArray, high: FloatArray, hopes: FloatArray) -> FloatArray:
        """Return the dear objectives' edge (d), a little beyond the front from `low` to `high`.

        The front itself counts as far as the bend begins, and further only down to what may be
        hoped for of the smallest networks: the one that was trained may be the worst of its size.
        """
        scale = self._scale
        worst = np.minimum(high, np.maximum(scale.knot, hopes))
        top, bottom = scale.straight(worst), scale.straight(low)
        return scale(top + MARGIN * np.maximum(top - bottom, 0.5 * scale.sd))

    def _hoped_for(self, seen: Looks, pool: Looks) -> FloatArray:
        """Return the best losses (d) to be hoped for at the worse end of the front.

        Its ends are the networks that are smallest by one of the static objectives. Those with a
        result are as good as they are, and no hope: where one network alone is smallest, the front
        begins at its result, however bad.
        """
        num_static = len(self._goals.static)
        hopes = np.full(len(self._models), -np.inf if num_static else np.inf)
        results = self._results[:, self._goals.dear]
        for place, column in enumerate(pool.static.T[:num_static]):
            edge = column.min() + 1e-9
            untrained = np.flatnonzero((column <= edge) & ~np.isin(pool.keys, seen.keys))
            hoped = results[seen.is_allowed & (seen.static[:, place] <= edge)]
            if len(untrained):
                features = pool.features[untrained[:NUM_RANDOM]]
                predicted = [model.predict(features) for model in self._models]
                hoped = np.vstack([hoped, [(mean - HOPE * sd).min() for mean, sd in predicted]])
            hopes = np.maximum(hopes, hoped.min(axis=0, initial=np.inf))
        return hopes

    def _look(
        self, history: History, candidates: Candidates, seen: Looks, num_looks: int
    ) -> Judged:
        """Find candidates and their gains: neighbours of the front, random ones, then refine."""
        rng = self._rng
        known = np.fromiter(history.known, np.int64, len(history.known))
        num_rounds, num_random = NUM_ROUNDS, NUM_RANDOM
        if candidates.is_exhaustive:
            num_looks, num_rounds = NUM_NEAR, NUM_ROUNDS_IN_POOL
            num_random = max(NUM_RANDOM, MAX_COVARIANCES // len(seen))
        found = candidates.some(num_random, rng)
        is_all = candidates.is_exhaustive and len(found) == candidates.is_left.sum()
        share = num_looks // (num_rounds + 1)
        found = found.new(known)
        parents = self._parents(seen)
        if len(parents) and not is_all:
            near = candidates.near(parents, count=share, max_changes=2, rng=rng)
            found = found.join(near.new(np.concatenate([known, found.keys])))
        judged = [self._judge(found)]
        for _ in range(num_rounds if len(found) and not is_all else 0):
            near = candidates.near(_best_rows(judged), count=share, max_changes=1, rng=rng)
            near = near.new(np.concatenate([known, *[part.looks.keys for part in judged]]))
            if len(near):
                judged.append(self._judge(near))
        return judged[0].join(*judged[1:])

    def _parents(self, seen: Looks) -> FloatArray:
        """Return the rows of the networks on the front that have results."""
        rows = seen.rows[seen.is_allowed]
        members = np.flatnonzero(front_mask(self._front))
        return np.asarray(rows[members[members < len(rows)]])

    def _judge(self, looks: Looks) -> Judged:
        """Return what is expected of candidates."""
        both = [model.predict(looks.features) for model in self._models]
        mean = self._columns(looks.static, np.column_stack([mean for mean, _ in both]))
        sd = self._columns(0.0 * looks.static, np.column_stack([sd for _, sd in both]))
        return Judged(
            looks, mean, sd, expected_gain(self._boxes, mean=mean, sd=self._widening * sd)
        )


def _best_rows(judged: Sequence[Judged]) -> FloatArray:
    """Return the rows of the candidates with the largest expected gains."""
    gain = np.concatenate([part.gain for part in judged])
    rows = np.concatenate([part.looks.rows for part in judged])
    return np.asarray(rows[np.argsort(-gain, kind="stable")[:NUM_BEST]])


def _next_milestone(milestone: int) -> int:
    return max(milestone + 1, int(np.ceil(GROWTH * milestone)))


def _share_of_hits(losses: FloatArray) -> float:
    """Return how many of the last results stood on the front of all results up to them."""
    recent = range(max(len(losses) - NUM_RECENT, 1), len(losses))
    hits = [not ((losses[:i] <= losses[i]).all(axis=1)).any() for i in recent]
    return sum(hits) / max(len(hits), 1)
