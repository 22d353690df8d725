"""Does a mirrored image keep its class? Asked of the training images, where nobody says so.

A linear model of the pixels learns half of them and is asked about the other half, as they are and
mirrored. Where left and right mean something (letters, arrows, pages of text) it knows the
mirrored ones far less well; photographs it knows about as well.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from nas.data.dataset import Split
from nas.planning.image_decisions import Mirroring
from nas.seeding import generator

# ruff: noqa: N803 - names of arrays end in their shapes
# N images, H height, W width, C channels, D numbers of an image, K classes

_SIDE = 16  # pixels, that images are shrunk to
_MAX_IMAGES = 4000
_LEAST_IMAGES = 100  # fewer say nothing
_RIDGE = 0.1  # of the mean variance, added to all of them
_LEAST_KNOWN = 0.1  # agreement with the classes below which the model knows nothing
_LEAST_KEPT = 0.85  # share of it that mirrored images must keep
Floats = npt.NDArray[np.float64]


def mirroring_of(train: Split, asked: bool | Literal["auto"]) -> Mirroring:
    """Return whether training images may be mirrored: as asked, or as they say themselves."""
    return judge_mirroring(train) if asked == "auto" else Mirroring(asked)


def judge_mirroring(train: Split) -> Mirroring:
    """Say whether mirrored training images keep their classes.

    Where there are too few images, or the linear model learns nothing, photographs in colour may
    be mirrored and grey images may not: these are often letters or scans.
    """
    is_colour = train.images.shape[3] >= 3
    chosen = generator(0, "mirroring").permutation(len(train))[:_MAX_IMAGES]
    if len(chosen) < _LEAST_IMAGES or min(train.images.shape[1:3]) < 2:
        return _by_colour(is_colour, "too few images to tell")
    part = train.take(np.sort(chosen))
    images = _shrunk(np.asarray(part.images))
    targets = _targets(part.labels)
    known, kept = _agreement(images, targets)
    if known < _LEAST_KNOWN:
        return _by_colour(is_colour, "a linear model cannot tell")
    share = max(0.0, kept) / known
    text = f"a linear model knows mirrored images {min(1.0, share):.0%} as well"
    return Mirroring(share >= _LEAST_KEPT, text)


def _by_colour(is_colour: bool, why: str) -> Mirroring:
    kind = "colour images usually may be" if is_colour else "grey images often may not be"
    return Mirroring(is_colour, f"{why}, and {kind}")


def _shrunk(images_NHWC: npt.NDArray[np.generic]) -> Floats:
    maps = torch.from_numpy(np.ascontiguousarray(images_NHWC)).float().permute(0, 3, 1, 2)
    height, width = (min(_SIDE, side) for side in maps.shape[2:])
    small = functional.adaptive_avg_pool2d(maps, (height, width))
    return small.numpy().astype(np.float64)


def _targets(labels: npt.NDArray[np.generic]) -> Floats:
    if labels.ndim == 2:
        return labels.astype(np.float64)
    return np.asarray(labels[:, None] == np.unique(labels), dtype=np.float64)


def _agreement(images_NCHW: Floats, targets_NK: Floats) -> tuple[float, float]:
    """Return how well a linear model knows images that it has not seen, as they are and mirrored.

    1 is perfect, 0 is chance: the correlation of its outputs with the classes, both centred.
    """
    half = len(images_NCHW) // 2
    order = generator(1, "mirroring").permutation(len(images_NCHW))
    learnt, asked = order[:half], order[half:]
    rows = images_NCHW.reshape(len(images_NCHW), -1)
    mean, deviation = rows[learnt].mean(axis=0), rows[learnt].std(axis=0) + 1e-6
    x = (rows - mean) / deviation
    y = targets_NK - targets_NK[learnt].mean(axis=0)
    gram = x[learnt].T @ x[learnt]
    gram[np.diag_indices_from(gram)] += _RIDGE * np.trace(gram) / len(gram) + 1e-9
    weights = np.linalg.solve(gram, x[learnt].T @ y[learnt])
    mirrored = images_NCHW[asked][..., ::-1].reshape(len(asked), -1)
    found = (x[asked] @ weights, (mirrored - mean) / deviation @ weights)
    size = float(np.linalg.norm(found[0]) * np.linalg.norm(y[asked]))
    known, kept = (float((outputs * y[asked]).sum()) / max(size, 1e-12) for outputs in found)
    return known, kept
