"""Which candidates come one after another, when each counts as running once it is picked?

A pick counts as a result with its expected value from then on, and lowers the model's uncertainty
about similar candidates. So every other gain can only fall, and a gain computed earlier is an
upper bound. Only the largest gains are computed again, until the largest is up to date ("lazy
greedy", Minoux 1978). The picks are the same as if all gains were computed each time.

Notation: n candidates, m objectives; mean, sd and gain as in `nas.frontier.plan`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.frontier.acquisition import (
    chance_within,
    expected_hypervolume_improvement,
    undominated_boxes,
)
from nas.frontier.candidates import CandidateBatch
from nas.frontier.conditioned_spread import ConditionedSpread
from nas.frontier.gaussian_process import Posterior
from nas.frontier.loss_scale import OutputWarp
from nas.frontier.noise import told
from nas.pareto.dominance import front_mask

FloatArray = NDArray[np.float64]

# Candidates that further picks choose among: gains only fall, so the others stay behind.
NUM_KEPT = 300
# Leaders whose gains are computed in one call; few of them turn out not to be needed.
NUM_LEADERS = 24


@dataclass
class ScoredCandidates:
    """Candidates, and what is expected of each.

    Attributes:
        batch: (n) the candidates.
        mean: (n, m) expected losses of all objectives; the exact ones where known.
        sd: (n, m) standard deviations; 0 where known.
        noise: (n, m) variances of what a training would read; 0 where it is exact.
        gain: (n) expected gains in hypervolume.
        weight: (n) factors by which an expert's prior lets the gains count.
    """

    batch: CandidateBatch
    mean: FloatArray
    sd: FloatArray
    noise: FloatArray
    gain: FloatArray
    weight: FloatArray

    @property
    def worth(self) -> FloatArray:
        """By what (n) candidates are chosen, the largest first."""
        return self.gain * self.weight

    def __len__(self) -> int:
        return len(self.batch)

    def take(self, which: NDArray[np.int64]) -> "ScoredCandidates":
        """Return some of them."""
        return ScoredCandidates(
            self.batch.take(which),
            self.mean[which],
            self.sd[which],
            self.noise[which],
            self.gain[which],
            self.weight[which],
        )

    def join(self, *others: "ScoredCandidates") -> "ScoredCandidates":
        """Return these and the others."""
        if not others:
            return self
        all_of = (self, *others)
        return ScoredCandidates(
            self.batch.join(*[scored.batch for scored in others]),
            np.vstack([scored.mean for scored in all_of]),
            np.vstack([scored.sd for scored in all_of]),
            np.vstack([scored.noise for scored in all_of]),
            np.concatenate([scored.gain for scored in all_of]),
            np.concatenate([scored.weight for scored in all_of]),
        )


class GreedyBatch:
    """Hands out candidates, the largest expected gain first, as far as a prior weighs it.

    Args:
        scored: the candidates; their gains are up to date.
        models: of the measured objectives.
        measured: the columns that these models are of.
        front: (k, m) losses that a gain is counted beyond.
        reference: (m,) the worst corner that counts.
        warps: of the columns whose scale is warped.
        widening: what standard deviations are multiplied with in a gain.
        bounds: (m,) losses that a candidate should be better than; its chance weighs its gain.
    """

    def __init__(
        self,
        scored: ScoredCandidates,
        models: Sequence[Posterior],
        *,
        measured: list[int],
        front: FloatArray,
        reference: FloatArray,
        warps: Mapping[int, OutputWarp],
        widening: float,
        bounds: FloatArray,
    ) -> None:
        self._scored = scored
        self._models = models
        self._measured = measured
        self._front = front
        self._reference = reference
        self._warps = warps
        self._widening, self._bounds = widening, bounds
        self._is_open = np.ones(len(scored), dtype=np.bool_)
        self._is_fresh = np.ones(len(scored), dtype=np.bool_)
        self._spreads: list[ConditionedSpread] | None = None
        self._last: int | None = None

    @property
    def best_gain(self) -> float:
        """The gain of what would be picked now; 0 where nothing is left."""
        if not self._is_open.any():
            return 0.0
        return float(self._scored.gain[self._best()])

    def next(self, known: Collection[int]) -> FloatArray | None:
        """Return the row of the candidate with the largest expected gain; None if none is left.

        Args:
            known: networks that must not come.
        """
        if self._last is not None:
            self._count(self._last)
            self._last = None
        while self._is_open.any():
            best = self._best()
            if self._scored.batch.keys[best] in known:
                self._is_open[best] = False
            elif not self._is_fresh[best]:
                self._refresh()
            else:
                self._is_open[best] = False
                self._last = best
                return np.asarray(self._scored.batch.rows[best])
        return None

    def _best(self) -> int:
        """Return which candidate is worth most of those that may be picked; one may."""
        return int(np.argmax(np.where(self._is_open, self._scored.worth, -np.inf)))

    def _refresh(self) -> None:
        """Compute the gains of the leaders again."""
        stale = np.flatnonzero(self._is_open & ~self._is_fresh)
        gain, worth = self._scored.gain, self._scored.worth
        leaders = stale[np.argsort(-worth[stale], kind="stable")[:NUM_LEADERS]]
        mean, sd = self._scored.mean[leaders], self._scored.sd[leaders]
        moved = self._widening * told(sd, self._scored.noise[leaders])
        gain[leaders] = chance_within(
            self._bounds, mean=mean, sd=sd
        ) * expected_hypervolume_improvement(self._boxes, mean=mean, sd=moved)
        self._is_fresh[leaders] = True

    def _count(self, last: int) -> None:
        """Count the last pick as seen at its expected value; all gains are out of date then."""
        if self._spreads is None:
            last = self._keep_best(last)
            self._spreads = [
                ConditionedSpread(
                    model,
                    self._scored.batch.features,
                    capacity=len(self._scored),
                    known_noise=np.maximum(self._scored.noise[:, column] - model.noise, 0.0),
                )
                for column, model in zip(self._measured, self._models, strict=True)
            ]
        for spread in self._spreads:
            spread.count(last)
        self._scored.sd[:, self._measured] = np.column_stack([each.sd for each in self._spreads])
        front = np.vstack([self._front, self._scored.mean[last]])
        self._front = front[front_mask(front)]
        self._boxes = undominated_boxes(self._front, reference=self._reference, warps=self._warps)
        self._is_fresh[:] = False

    def _keep_best(self, last: int) -> int:
        """Drop all but the best, and return the new place of the last pick."""
        kept = np.argsort(-self._scored.worth, kind="stable")[:NUM_KEPT]
        if last not in kept:
            kept = np.append(kept, last)
        self._scored = self._scored.take(kept)
        self._is_open, self._is_fresh = self._is_open[kept], self._is_fresh[kept]
        return int(np.flatnonzero(kept == last)[0])
