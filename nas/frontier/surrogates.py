"""A model of each measured objective, fitted again as results come.

Notation: n architectures, d measured objectives; a loss is an objective's value, turned so that
lower is better.
"""

from collections.abc import Sequence
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from nas.frontier.candidates import CandidateBatch
from nas.frontier.gaussian_process import Kernel, Posterior, fit
from nas.frontier.loss_scale import LossScale
from nas.frontier.noise import ReadingNoise, exact
from nas.pareto.dominance import ranks
from nas.seeding import generator

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Hyperparameters are set by this many results at most: the best layers, and random others.
MAX_TUNED = 160
# They are fitted again when the results have grown by a tenth.
GROWTH = 1.1


class Expectation(Protocol):
    """A model of one measured objective."""

    def predict(self, features: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation of rows (n, columns)."""
        ...

    def mean(self, features: FloatArray) -> FloatArray:
        """Return the mean alone."""
        ...

    def expecting(self, features: FloatArray) -> Self:
        """Return the model after more rows have come out as expected."""
        ...


class Surrogates:
    """A model of each measured objective; its hyperparameters follow from the first results alone.

    Args:
        kernel: covariance of all of them.
        seed: of the choice of results where there are too many.
        noise: of the results; by default they are taken as exact.
    """

    def __init__(self, kernel: Kernel, *, seed: int, noise: ReadingNoise | None = None) -> None:
        self._kernel = kernel
        self._seed = seed
        self._noise = noise
        self._milestone = 0
        self._thetas: list[FloatArray] = []

    @property
    def kernel(self) -> Kernel:
        """The covariance of architectures."""
        return self._kernel

    def posteriors(
        self, seen: CandidateBatch, losses: FloatArray, *, limit: int
    ) -> list[Posterior]:
        """Return each measured objective's model of its standardised losses.

        Args:
            seen: (n) architectures with results.
            losses: (n, d) their losses.
            limit: most results that it takes in.
        """
        noise = self._noise or exact(losses.shape[1])
        self._tune(seen, losses, noise)
        which = self._most_telling(seen, losses, limit=limit)
        scale = LossScale(losses)
        targets, known = scale(losses), noise.on_scale(scale, losses)
        return [
            Posterior(
                self._kernel,
                theta,
                seen.features[which],
                targets[which, column],
                known[which, column],
            )
            for column, theta in enumerate(self._thetas)
        ]

    def thetas(self, seen: CandidateBatch, losses: FloatArray) -> list[FloatArray]:
        """Return the hyperparameters of each measured objective's model, noise being unknown."""
        self._tune(seen, losses, exact(losses.shape[1]))
        return self._thetas

    def _tune(self, seen: CandidateBatch, losses: FloatArray, noise: ReadingNoise) -> None:
        """Set the hyperparameters as of the last milestone that the results have passed."""
        milestone = self._milestone or 2
        while len(seen) >= _next_milestone(milestone):
            milestone = _next_milestone(milestone)
        if milestone == self._milestone:
            return
        first = seen.take(np.arange(milestone))
        which = self._most_telling(first, losses[:milestone], limit=MAX_TUNED)
        scale = LossScale(losses[:milestone])
        targets = scale(losses[:milestone])[which]
        known = noise.on_scale(scale, losses[:milestone])[which]
        self._thetas = [
            fit(self._kernel, first.features[which], target, known_noise=own)
            for target, own in zip(targets.T, known.T, strict=True)
        ]
        self._milestone = milestone

    def _most_telling(self, seen: CandidateBatch, losses: FloatArray, *, limit: int) -> IntArray:
        """Return which results to keep: the best layers and, as many again, random others."""
        if len(seen) <= limit:
            return np.arange(len(seen))
        order = np.argsort(ranks(np.hstack([losses, seen.static])), kind="stable")
        best, rest = order[: limit // 2], order[limit // 2 :]
        rng = generator(self._seed, "subset", len(seen) // 100)
        return np.sort(np.concatenate([best, rng.permutation(rest)[: limit - len(best)]]))


def believed(
    models: Sequence[Expectation], features: FloatArray, readings: FloatArray, noise: ReadingNoise
) -> FloatArray:
    """Return what the measured objectives (n, d) of trained networks are believed to be.

    Of a noisy reading what the model does not explain is luck: of the examples, and of the
    training. An exact reading is believed as it is.

    Args:
        models: of the measured objectives.
        features: (n, columns) of the networks.
        readings: (n, d) their losses on the scale of the models.
        noise: of the readings.
    """
    values = readings.copy()
    for column in noise.columns:
        values[:, column] = models[column].mean(features)
    return values


def _next_milestone(milestone: int) -> int:
    return max(milestone + 1, int(np.ceil(GROWTH * milestone)))
