"""How accurate are models that need no network? From there on accuracy is worth something.

The most frequent class of the training split, and a linear classifier on the pixels: ridge
regression on one column for each class, at a small size of the images, in closed form, with the
penalty that errs least when each example is left out (Hastie, Tibshirani, Friedman 2009, "The
Elements of Statistical Learning", section 7.10). A second at most.
"""

import math
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from nas.data.dataset import Dataset, Split
from nas.record.references import TRIVIAL, Reference
from nas.train.resize import resize

# n examples, d numbers of each, K classes

Array = npt.NDArray[np.float64]

_MOST_NUMBERS = 1024  # of an example: images are made smaller until they have no more
_MOST_EXAMPLES = 4000  # that are learnt from, evenly spaced; and as many to judge by
_PENALTIES = 10.0 ** np.arange(-1, 6)
_BYTES = 4


def trivial_models(dataset: Dataset, *, judges: Split | None = None) -> tuple[Reference, ...]:
    """Return the trivial models of a classified data set.

    Args:
        dataset: what they learn from.
        judges: the split that says how accurate they are; by default the validation split.
    """
    judges = dataset.validation if judges is None else judges
    return most_frequent_class(dataset, judges), linear_classifier(dataset, judges)


def most_frequent_class(dataset: Dataset, judges: Split) -> Reference:
    """Return the model that always names the most frequent class of the training split."""
    most = np.bincount(dataset.train.labels).argmax()
    accuracy = float((judges.labels == most).mean())
    return Reference("most frequent class", TRIVIAL, accuracy, 0.0, 0.0, 0.0, 0.0)


def linear_classifier(dataset: Dataset, judges: Split) -> Reference:
    """Return ridge regression on the pixels."""
    started = time.monotonic()
    size = _small(dataset.train.images.shape[1:])
    examples, labels = _table(dataset.train, size)
    model = _fit(examples, labels, num_classes=len(dataset.class_names))
    told = model.scores(_table(judges, size)[0]).argmax(axis=1)
    accuracy = float((told == _some(judges).labels).mean())
    num_macs = float(model.weights.size)
    num_params = num_macs + len(model.offset)
    return Reference(
        f"linear classifier on {size[0]} x {size[1]} pixels",
        TRIVIAL,
        accuracy,
        _BYTES * num_params,
        num_params,
        num_macs,
        time.monotonic() - started,
    )


@dataclass(frozen=True, eq=False)
class Linear:
    """Scores of classes.

    Attributes:
        mean: (d,) of the training examples.
        weights: (d, K).
        offset: (K,).
    """

    mean: Array
    weights: Array
    offset: Array

    def scores(self, examples: Array) -> Array:
        """Return (n, K)."""
        return np.asarray((examples - self.mean) @ self.weights + self.offset)


def _fit(examples: Array, labels: npt.NDArray[np.int64], *, num_classes: int) -> Linear:
    wanted = np.where(np.arange(num_classes) == labels[:, None], 1.0, -1.0)
    mean, offset = examples.mean(axis=0), wanted.mean(axis=0)
    left, values, right = np.linalg.svd(examples - mean, full_matrices=False)
    rest, squares = wanted - offset, values**2
    along = left.T @ rest
    unit = float(squares.mean()) / 1e3 or 1.0
    errors = []
    for penalty in unit * _PENALTIES:
        kept = squares / (squares + penalty)
        leverage = (left**2) @ kept + 1.0 / len(examples)
        missed = (rest - left @ (kept[:, None] * along)) / np.maximum(1.0 - leverage, 1e-6)[
            :, None
        ]
        errors.append(float((missed**2).mean()))
    best = unit * _PENALTIES[int(np.argmin(errors))]
    weights = right.T @ ((values / (squares + best))[:, None] * along)
    return Linear(mean, weights, offset)


def _table(split: Split, size: tuple[int, int]) -> tuple[Array, npt.NDArray[np.int64]]:
    """Return examples (n, d) at a size, and their labels; no more than so many."""
    some = _some(split)
    images = np.asarray(some.images)
    resized = resize(torch.from_numpy(np.ascontiguousarray(images)), size).numpy()
    return resized.reshape(len(resized), -1).astype(np.float64), some.labels


def _some(split: Split) -> Split:
    if len(split) <= _MOST_EXAMPLES:
        return split
    return split.take(np.linspace(0, len(split) - 1, _MOST_EXAMPLES).astype(np.int64))


def _small(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return (height, width) in the ratio of an image, with few enough numbers."""
    height, width, channels = shape
    share = min(1.0, math.sqrt(_MOST_NUMBERS / (height * width * channels)))
    return max(1, int(share * height)), max(1, int(share * width))
