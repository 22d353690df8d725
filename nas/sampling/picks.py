"""Which candidates come one after another, when each counts as running once it is picked?

A pick stands on the front at its expected value from then on, and makes the model surer of its
like. So every other gain can only fall, and a gain that was worked out earlier is an upper bound:
only the leaders' are worked out anew until the best of all is up to date ("lazy greedy", Minoux
1978). The picks are those that working out all of them would give.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.pareto.dominance import front_mask
from nas.sampling.candidates import Looks
from nas.sampling.gaussian_process import Posterior, Spread
from nas.sampling.hypervolume_gain import expected_gain, undominated_boxes
from nas.sampling.loss_scale import Bend

FloatArray = NDArray[np.float64]

# Candidates that further picks choose among: gains only fall, the others stay behind.
NUM_KEPT = 300
# Leaders whose gains are worked out at once: few calls, and hardly any for nothing.
NUM_LEADERS = 24


@dataclass
class Judged:
    """Candidates and what is expected of each.

    Attributes:
        looks: (n) the candidates.
        mean: (n, m) expected losses of all objectives; the exact ones where known.
        sd: (n, m) standard deviations; 0 where known.
        gain: (n) expected gains in hypervolume.
    """

    looks: Looks
    mean: FloatArray
    sd: FloatArray
    gain: FloatArray

    def __len__(self) -> int:
        return len(self.looks)

    def take(self, which: NDArray[np.int64]) -> "Judged":
        """Return some of them."""
        looks = self.looks.take(which)
        return Judged(looks, self.mean[which], self.sd[which], self.gain[which])

    def join(self, *others: "Judged") -> "Judged":
        """Return these and the others."""
        if not others:
            return self
        all_of = (self, *others)
        return Judged(
            self.looks.join(*[judged.looks for judged in others]),
            np.vstack([judged.mean for judged in all_of]),
            np.vstack([judged.sd for judged in all_of]),
            np.concatenate([judged.gain for judged in all_of]),
        )


class Picks:
    """Hands out candidates, the largest expected gain first.

    Args:
        judged: the candidates; their gains are up to date.
        models: of the dear objectives.
        dear: the columns that these models are of.
        front: (k, m) losses that a gain is counted beyond.
        reference: (m,) the worst corner that counts.
        bends: of the columns that are not on a straight scale.
        widening: what standard deviations are multiplied with in a gain.
    """

    def __init__(
        self,
        judged: Judged,
        models: Sequence[Posterior],
        *,
        dear: list[int],
        front: FloatArray,
        reference: FloatArray,
        bends: Mapping[int, Bend],
        widening: float,
    ) -> None:
        self._judged = judged
        self._models = models
        self._dear = dear
        self._front = front
        self._reference = reference
        self._bends = bends
        self._widening = widening
        self._is_open = np.ones(len(judged), dtype=np.bool_)
        self._is_fresh = np.ones(len(judged), dtype=np.bool_)
        self._spreads: list[Spread] | None = None
        self._last: int | None = None

    def next(self, known: Collection[int]) -> FloatArray | None:
        """Return the row of the candidate with the largest expected gain; None if none is left.

        Args:
            known: networks that must not come.
        """
        if self._last is not None:
            self._count(self._last)
            self._last = None
        while self._is_open.any():
            best = int(np.argmax(np.where(self._is_open, self._judged.gain, -np.inf)))
            if self._judged.looks.keys[best] in known:
                self._is_open[best] = False
            elif not self._is_fresh[best]:
                self._refresh()
            else:
                self._is_open[best] = False
                self._last = best
                return np.asarray(self._judged.looks.rows[best])
        return None

    def _refresh(self) -> None:
        """Work out the gains of the leaders anew."""
        stale = np.flatnonzero(self._is_open & ~self._is_fresh)
        gain = self._judged.gain
        leaders = stale[np.argsort(-gain[stale], kind="stable")[:NUM_LEADERS]]
        gain[leaders] = expected_gain(
            self._boxes,
            mean=self._judged.mean[leaders],
            sd=self._widening * self._judged.sd[leaders],
        )
        self._is_fresh[leaders] = True

    def _count(self, last: int) -> None:
        """Count the last pick as seen at its expected value; all gains are out of date then."""
        if self._spreads is None:
            last = self._keep_best(last)
            self._spreads = [
                Spread(model, self._judged.looks.features, capacity=len(self._judged))
                for model in self._models
            ]
        for spread in self._spreads:
            spread.count(last)
        self._judged.sd[:, self._dear] = np.column_stack([each.sd for each in self._spreads])
        front = np.vstack([self._front, self._judged.mean[last]])
        self._front = front[front_mask(front)]
        self._boxes = undominated_boxes(self._front, reference=self._reference, bends=self._bends)
        self._is_fresh[:] = False

    def _keep_best(self, last: int) -> int:
        """Drop all but the best, and return the new place of the last pick."""
        kept = np.argsort(-self._judged.gain, kind="stable")[:NUM_KEPT]
        if last not in kept:
            kept = np.append(kept, last)
        self._judged = self._judged.take(kept)
        self._is_open, self._is_fresh = self._is_open[kept], self._is_fresh[kept]
        return int(np.flatnonzero(kept == last)[0])
