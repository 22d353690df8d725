"""Does a mirrored image keep its class? Asked of the training images, where nobody says so.

A linear model of the pixels learns half of them and is asked about the other half, as they are and
mirrored. Where left and right mean something (letters, arrows, pages of text) it knows the
mirrored ones far less well; photographs it knows about as well.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from nas.data.dataset import Split
from nas.planning.image_decisions import Mirroring
from nas.seeding import generator

# ruff: noqa: N803 - names of arrays end in their shapes
# N images, H height, W width, C channels, D numbers of an image, K classes

_SIDE = 16  # pixels, that images are shrunk to
_MAX_IMAGES = 4000
_LEAST_IMAGES = 100  # fewer say nothing
_RIDGE = 1.0  # of the mean variance, added to all of them
_LEAST_KNOWN = 0.1  # correlation with the classes below which the model knows nothing
_LEAST_KEPT = 0.85  # share of it that mirrored images must keep
Floats = npt.NDArray[np.float64]


def mirroring_of(train: Split, asked: bool | Literal["auto"]) -> Mirroring:
    """Return whether training images may be mirrored: as asked, or as they say themselves."""
    return judge_mirroring(train) if asked == "auto" else Mirroring(asked)


def judge_mirroring(train: Split) -> Mirroring:
    """Say whether mirrored training images keep their classes.

    Where there are too few images to tell, or the linear model learns nothing, images in colour
    may be mirrored and grey ones may not: these are often letters or scans.
    """
    is_colour = train.images.shape[3] >= 3
    chosen = generator(0, "mirroring").permutation(len(train))[:_MAX_IMAGES]
    if len(chosen) < _LEAST_IMAGES or min(train.images.shape[1:3]) < 2:
        return _by_colour("too few images to tell", is_colour=is_colour)
    part = train.take(np.sort(chosen))
    found = _kept(_shrunk(np.asarray(part.images)), _targets(part.labels))
    if found is None:
        return _by_colour("a linear model learns too little to tell", is_colour=is_colour)
    share = min(1.0, max(0.0, found.share))
    text = f"a linear model recognises mirrored images {share:.0%} as well as others"
    if found.share < _LEAST_KEPT <= found.share + 2 * found.deviation:
        return _by_colour(f"{text}, from few images", is_colour=is_colour)
    return Mirroring(found.share >= _LEAST_KEPT, text)


def _by_colour(why: str, *, is_colour: bool) -> Mirroring:
    kind = "colour images usually may be" if is_colour else "grey images often may not be"
    return Mirroring(is_colour, f"{why}, and {kind}")


def _shrunk(images_NHWC: npt.NDArray[np.generic]) -> Floats:
    # Imported here: a loader whose settings are wrong says so before torch is loaded.
    import torch
    from torch.nn import functional

    maps = torch.from_numpy(np.ascontiguousarray(images_NHWC)).float().permute(0, 3, 1, 2)
    height, width = (min(_SIDE, side) for side in maps.shape[2:])
    small = functional.adaptive_avg_pool2d(maps, (height, width))
    return small.numpy().astype(np.float64)


def _targets(labels: npt.NDArray[np.generic]) -> Floats:
    if labels.ndim == 2:
        return labels.astype(np.float64)
    return np.asarray(labels[:, None] == np.unique(labels), dtype=np.float64)


@dataclass(frozen=True)
class _Kept:
    """Of what a linear model knows of images, the share that it knows of them mirrored."""

    share: float
    deviation: float  # of chance, in that share


def _kept(images_NCHW: Floats, targets_NK: Floats) -> _Kept | None:
    """Return what mirrored images keep; None where the model knows next to nothing.

    What it knows is the product of its outputs and the classes, both centred: 0 by chance.
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
    outputs = x[asked] @ weights
    known = (outputs * y[asked]).sum(axis=1)
    kept = (((mirrored - mean) / deviation) @ weights * y[asked]).sum(axis=1)
    size = float(np.linalg.norm(outputs) * np.linalg.norm(y[asked]))
    if known.sum() < _LEAST_KNOWN * size:
        return None
    share = float(kept.sum() / known.sum())
    spread = float(np.std(kept - share * known)) * math.sqrt(len(asked))
    return _Kept(share, spread / float(known.sum()))
