"""Signals in the manner of MNIST-1D: ten shapes, stretched, shifted and noisy, 40 numbers long.

Also the example of a task of one's own: a loss, what is measured, and data, in one short file.
Generated on the spot, from a seed. After Greydanus and Kobak, Scaling Down Deep Learning with
MNIST-1D, ICML 2024, arXiv:2011.14439; the shapes are ours.
"""

import numpy as np
from torch import Tensor
from torch.nn import functional

from nas.data.dataset import Split
from nas.data.task_data import TaskData
from nas.seeding import generator
from nas.task import Task

LENGTH = 40
NUM_SHAPES = 10
_POINTS = 12


class TellShapes(Task):
    """Which of ten shapes a signal is."""

    measures = ("accuracy",)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross entropy."""
        return functional.cross_entropy(outputs, targets)

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Return the share of signals that are classified correctly."""
        return {"accuracy": float((outputs.argmax(1) == targets).float().mean())}


def load_signals(
    *, num_train: int = 2000, num_validation: int = 500, num_test: int = 500, seed: int = 0
) -> TaskData:
    """Return generated signals; inputs have height 1, so a model sees (B, 1, 1, 40).

    Args:
        num_train: signals to learn from.
        num_validation: signals to judge by.
        num_test: signals for confirmed winners.
        seed: of the draws.
    """
    shapes = _shapes()
    return TaskData(
        name="signals",
        task=TellShapes(),
        train=_draw(shapes, num_train, generator(seed, "signals", "train")),
        validation=_draw(shapes, num_validation, generator(seed, "signals", "validation")),
        test=_draw(shapes, num_test, generator(seed, "signals", "test")),
        num_outputs=NUM_SHAPES,
        split_rule=f"each split drawn by itself, seed {seed}",
    )


def _shapes() -> np.ndarray:
    """Return (10, 12) smooth shapes, far from one another, the same for every seed."""
    rng = np.random.default_rng(1)
    waves = rng.normal(size=(NUM_SHAPES, 4, 1)) * np.sin(
        np.pi * np.arange(1, 5)[:, None] * np.linspace(0, 1, _POINTS)
    )
    shapes = waves.sum(axis=1)
    return np.asarray(shapes / np.abs(shapes).max(axis=1, keepdims=True))


def _draw(shapes: np.ndarray, number: int, rng: np.random.Generator) -> Split:
    labels = rng.integers(NUM_SHAPES, size=number)
    signals = np.empty((number, LENGTH))
    for index, label in enumerate(labels):
        width = int(rng.integers(18, 32))
        stretched = np.interp(
            np.linspace(0, _POINTS - 1, width), np.arange(_POINTS), shapes[label]
        )
        signal = np.zeros(LENGTH)
        start = int(rng.integers(0, LENGTH - width + 1))
        signal[start : start + width] = stretched * rng.uniform(0.6, 1.4)
        slope = rng.normal(0, 0.3) * np.linspace(-1, 1, LENGTH)
        noise = np.convolve(rng.normal(0, 0.35, LENGTH + 4), np.ones(5) / 5, mode="valid")
        signals[index] = signal + slope + noise + rng.normal(0, 0.05, LENGTH)
    return Split(signals.astype(np.float32)[:, None, :, None], labels.astype(np.int64))
