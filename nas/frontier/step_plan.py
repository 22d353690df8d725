"""Which action next: a new network at the lowest rung, or one that waits at its next?

Each action has an index, the gain in hypervolume for each second that it is worth going on for: a
step of c1 seconds shows how good the network is going to be, and the rest of its training, c2
seconds, follows only where that pays. At a price p of a second the action earns
E[(gain - p c2)+] - p c1, and the index is the price at which it earns nothing. The action with
the largest index is taken; where the next rung is the last, that is the expected gain over its
seconds.

Notation: z_i, w_i places and weights of a quadrature of what the next rung is going to tell; g_i
the expected gain of a whole training once that is known.

Source: Weitzman 1979, "Optimal search for the best alternative", for the index ("reservation
price") of a box that costs something to open.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.frontier.acquisition import expected_hypervolume_improvement
from nas.frontier.candidates import CandidateBatch, CandidatePool
from nas.frontier.loss_scale import LossScale
from nas.frontier.observations import Observations
from nas.frontier.plan import CandidatePlan
from nas.frontier.step_costs import StepCosts
from nas.frontier.step_model import (
    LASTING,
    MIN_PAIRS,
    SHARED,
    Line,
    Seen,
    StepPosterior,
    fit_line,
    steps_of,
)
from nas.frontier.step_results import Climb, StepResults
from nas.frontier.surrogates import Expectation, Surrogates

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(11)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
# Of so many candidates, those with the largest gains, the index is computed.
MAX_INDEXED = 200
# Rungs of trials that went no further which the model takes in: the best, and as many others.
MAX_LEFT_BEHIND = 300
# At least this share of the time goes to first rungs: the index does not see that their results
# teach the model about other networks, too.
MIN_SHARE_FIRST = 0.25
# Where the user wants no new trial, one goes on while it has such a chance to reach the front.
# Where the space has no network left to start, all go on, the best first, until the search ends.
MIN_CHANCE = 0.03


class StepPlan(CandidatePlan):
    """A choice among new candidates and trials that wait at a rung.

    Args:
        observations: results, running and known trials.
        candidates: the pool.
        surrogates: for the hyperparameters.
        results: what trials had reached at their rungs.
        shares: of a full training; the last is the whole.
        others: as `CandidatePlan` has them.
    """

    def __init__(
        self,
        observations: Observations,
        candidates: CandidatePool,
        surrogates: Surrogates,
        *,
        results: StepResults,
        shares: Sequence[float],
        **others: Any,
    ) -> None:
        self._shares = tuple(shares)
        self._climbs = [c for c in results.climbs.values() if c.losses]
        self._waiting = results.waiting()
        self._batch = candidates.gather([climb.candidate for climb in self._climbs])
        self._costs = StepCosts(self._climbs, self._batch.features)
        self._gather = candidates.gather
        self._is_space_left = not candidates.is_exhaustive or bool(candidates.is_left.any())
        super().__init__(observations, candidates, surrogates, num_picks=1, **others)

    def _fit(
        self, seen: CandidateBatch, losses: FloatArray, surrogates: Surrogates, *, limit: int
    ) -> tuple[Sequence[Expectation], LossScale]:
        del seen, limit
        lines = [self._lines(column) for column in range(losses.shape[1])]
        brought = np.array(
            [
                [self._brought(climb, climb.reached, lines[c], c) for c in range(losses.shape[1])]
                for climb in self._climbs
            ]
        )
        scale = LossScale(brought)
        thetas = surrogates.thetas(self._batch, brought)
        return [
            self._model(column, lines[column], scale, theta, surrogates)
            for column, theta in enumerate(thetas)
        ], scale

    @property
    def _step_models(self) -> list[StepPosterior]:
        return [model for model in self._models if isinstance(model, StepPosterior)]

    def _lines(self, column: int) -> list[Line]:
        """Return the line of each step, from the first rung on."""
        lines = []
        for low, high in zip(self._shares, self._shares[1:], strict=False):
            at_low = np.array([c.losses[low][column] for c in self._climbs if low in c.losses])
            both = [c.losses for c in self._climbs if low in c.losses and high in c.losses]
            lower = np.array([found[low][column] for found in both])
            higher = np.array([found[high][column] for found in both])
            # Broken networks would decide alone where the line runs.
            kept = _not_far_off(at_low)(lower) if len(lower) > MIN_PAIRS else lower == lower
            spread = float(at_low[_not_far_off(at_low)(at_low)].std()) if len(at_low) else 1.0
            lines.append(fit_line(lower[kept], higher[kept], spread=spread))
        return lines

    def _brought(self, climb: Climb, share: float, lines: Sequence[Line], column: int) -> float:
        """Return a loss at a rung, brought to the scale of whole trainings."""
        loss = np.array([climb.losses[share][column]])
        for line in lines[self._shares.index(share) :]:
            loss = line(loss)
        return float(loss[0])

    def _model(
        self,
        column: int,
        lines: Sequence[Line],
        scale: LossScale,
        theta: FloatArray,
        surrogates: Surrogates,
    ) -> StepPosterior:
        seen = self._seen(column, lines, scale)
        kernel = surrogates.kernel
        unit = float(scale.sd[column])
        slopes = [
            float(np.prod([line.slope for line in lines[i + 1 :]])) for i in range(len(lines))
        ]
        residues = [
            line.residue * (slope / unit) ** 2 for line, slope in zip(lines, slopes, strict=True)
        ]
        num_pairs = sum(1.0 in climb.losses for climb in self._climbs)
        choices = list(product(SHARED, LASTING))
        if num_pairs < MIN_PAIRS:
            choices = choices[len(choices) // 2 :][:1]
        base = kernel.covariance(seen.features, seen.features, theta)
        found = []
        for shared, lasting in choices:
            steps = steps_of(
                residues,
                variance=kernel.variance(theta),
                noise=kernel.split(theta)[2],
                shared=shared,
                lasting=lasting,
            )
            found.append(StepPosterior(kernel, theta, steps, seen, base))
        return max(found, key=lambda model: model.log_evidence)

    def _seen(self, column: int, lines: Sequence[Line], scale: LossScale) -> Seen:
        """Return all results of all trials; of those that went no further some."""
        rows, rungs, targets = list[int](), list[int](), list[float]()
        for index in self._taken_in(column, lines):
            climb = self._climbs[index]
            for share in sorted(climb.losses):
                rows.append(index)
                rungs.append(self._shares.index(share))
                targets.append(self._brought(climb, share, lines, column))
        where = np.array(rows, dtype=np.int64)
        losses = np.zeros((len(rows), len(scale.sd)))
        losses[:, column] = targets
        return Seen(
            self._batch.features[where],
            self._batch.keys[where],
            np.array(rungs, dtype=np.int64),
            scale(losses)[:, column],
        )

    def _taken_in(self, column: int, lines: Sequence[Line]) -> list[int]:
        first = self._shares[0]
        behind = [i for i, climb in enumerate(self._climbs) if climb.reached == first]
        if len(behind) > MAX_LEFT_BEHIND:
            order = sorted(
                behind, key=lambda i: self._brought(self._climbs[i], first, lines, column)
            )
            half = MAX_LEFT_BEHIND // 2
            others = self._rng.permutation(order[half:])[:half]
            behind = [*order[:half], *map(int, others)]
        further = [i for i, climb in enumerate(self._climbs) if climb.reached != first]
        return sorted([*behind, *further])

    def _expect(
        self, observations: Observations, candidates: CandidatePool, *, on_front: bool
    ) -> None:
        """Count what runs as expected; who waits is known by its rungs and does not run."""
        del on_front
        waits = self._waiting
        out = [observations.running[n] for n in sorted(observations.running) if n not in waits]
        if out:
            features = candidates.gather(out).features
            self._models = [model.expecting(features) for model in self._step_models]

    def _gain(
        self, batch: CandidateBatch, mean: FloatArray, sd: FloatArray, noise: FloatArray
    ) -> FloatArray:
        """Return the index of beginning each candidate."""
        plain = super()._gain(batch, mean, sd, noise)
        if not len(batch):
            return plain
        first = self._costs.seconds(batch.features, 0.0, self._shares[0])
        rest = self._rest(batch.features, 0)
        index = plain / (first + rest)
        best = np.argsort(-index, kind="stable")[:MAX_INDEXED]
        index[best] = self._index(
            batch.take(best), keys=None, rung=0, first=first[best], rest=rest[best]
        )
        return index

    def _num_results(self, seen: CandidateBatch) -> int:
        del seen
        return 3 * len(self._climbs)  # a result at a rung is asked for more than once

    def promotion(self, *, may_start: bool) -> int | None:
        """Return the trial to go on with; None if a new one is worth more, or none is worth it.

        Args:
            may_start: whether a new trial may start.
        """
        numbers = list(self._waiting)
        if not numbers:
            return None
        if may_start and self._costs.share_of_first < MIN_SHARE_FIRST:
            return None
        index, chance = self._of_waiting()
        if not self._is_space_left:
            return numbers[int(np.lexsort((chance, index))[-1])]
        if not may_start:
            index = np.where(chance >= MIN_CHANCE, index, 0.0)
            return numbers[int(np.argmax(index))] if index.max() > 0.0 else None
        best_new = self._picks.best_gain
        return numbers[int(np.argmax(index))] if index.max() > best_new else None

    def _of_waiting(self) -> tuple[FloatArray, FloatArray]:
        """Return the index of going on with each waiting trial, and its chance."""
        climbs = list(self._waiting.values())
        batch = self._gather([climb.candidate for climb in climbs])
        index, chance = np.zeros(len(climbs)), np.zeros(len(climbs))
        for rung in range(1, len(self._shares)):
            low, high = self._shares[rung - 1], self._shares[rung]
            here = np.array([i for i, c in enumerate(climbs) if c.reached == low], dtype=np.int64)
            if not len(here):
                continue
            part = batch.take(here)
            off = np.array([self._costs.off(climbs[i], batch.features[i]) for i in here])
            index[here] = self._index(
                part,
                keys=part.keys,
                rung=rung,
                first=off * self._costs.seconds(part.features, low, high),
                rest=off * self._rest(part.features, rung),
            )
            chance[here] = self._chance(part)
        return index, chance

    def _rest(self, features: FloatArray, rung: int) -> FloatArray:
        """Return the seconds (n) from a rung to the end."""
        seconds = np.zeros(len(features))
        for low, high in zip(self._shares[rung:], self._shares[rung + 1 :], strict=False):
            seconds += self._costs.seconds(features, low, high)
        return seconds

    def _index(
        self,
        batch: CandidateBatch,
        *,
        keys: IntArray | None,
        rung: int,
        first: FloatArray,
        rest: FloatArray,
    ) -> FloatArray:
        """Return the index (n) of steps to a rung that take `first` seconds, with `rest` left."""
        mean, sd, told = self._foresee(batch, keys, rung)
        # Once all is told nothing is left to expect.
        left = self._widening * np.sqrt(np.maximum(sd**2 - told**2, 0.0))
        moved = self._widening * told
        gains = np.array(
            [
                expected_hypervolume_improvement(self._boxes, mean=mean + node * moved, sd=left)
                for node in _NODES
            ]
        )
        order = np.argsort(-gains, axis=0)
        gains = np.take_along_axis(gains, order, axis=0)
        weights = _WEIGHTS[order]
        earned = np.cumsum(weights * gains, axis=0)
        taken = first + rest * np.cumsum(weights, axis=0)
        return np.asarray((earned / np.maximum(taken, 1e-12)).max(axis=0))

    def _foresee(
        self, batch: CandidateBatch, keys: IntArray | None, rung: int
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return of all objectives (n, m) what whole trainings come to, and what a rung tells."""
        each = [model.foresee(batch.features, keys, rung) for model in self._step_models]
        mean, sd, told = (np.column_stack(part) for part in zip(*each, strict=True))
        none = 0.0 * batch.static
        return (
            self._columns(batch.static, mean),
            self._columns(none, sd),
            self._columns(none, told),
        )

    def _chance(self, batch: CandidateBatch) -> FloatArray:
        """Return how probable it is that no member of the front is better than each."""
        mean, sd, _ = self._foresee(batch, batch.keys, len(self._shares) - 1)
        chance = np.zeros(len(batch))
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            point = mean + node * sd
            is_beaten = np.array([(self.front <= one).all(axis=1).any() for one in point])
            chance += weight * ~is_beaten
        return chance


def _not_far_off(losses: FloatArray) -> Any:
    """Return a test for losses that are no further above the median than the best ones below."""
    if not len(losses):
        return lambda values: values == values
    best, middle = np.quantile(losses, [0.1, 0.5])
    limit = middle + 3.0 * (middle - best) + 1e-12
    return lambda values: values <= limit
