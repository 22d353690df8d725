"""Encoded images (files, bytes, pictures of another library) become a data set, decoded once.

What is broken is told by name, all of it at once, and then refused or left out, as the user says.
"""

import io
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from nas.data.dataset import Dataset, Labels, Split
from nas.data.splitting import hold_out
from nas.errors import DataError

Picture = Path | bytes | Image.Image

_MODES = {1: "L", 3: "RGB"}
_DEEP_MODES = ("I", "F")  # 16 or 32 bits a pixel: conversion to 8 bits would clip
_MAX_LISTED = 20


class Fit(StrEnum):
    """How an image of another shape comes to the size that is asked for."""

    STRETCH = "stretch"  # each side by itself
    CROP = "crop"  # the middle of it, the sides' ratio kept
    PAD = "pad"  # all of it, black beside


class OnBroken(StrEnum):
    """What becomes of images that cannot be read."""

    REFUSE = "refuse"
    SKIP = "skip"


@dataclass(frozen=True)
class Stored:
    """How images are stored once they are decoded.

    Attributes:
        channels: 1 for grey, 3 for colour.
        size: (height, width) to resize to; None to keep it.
        fit: how.
        on_broken: what becomes of images that cannot be read.
    """

    channels: int
    size: tuple[int, int] | None
    fit: Fit = Fit.STRETCH
    on_broken: OnBroken = OnBroken.REFUSE


@dataclass(frozen=True)
class Encoded:
    """Images of one split, not decoded yet.

    Attributes:
        names: of each, for messages: a path, or a row of a file.
        open_one: index -> what to decode.
        labels: (N,) class of each.
    """

    names: Sequence[str]
    open_one: Callable[[int], Picture]
    labels: Labels


def checked_storage(
    *, channels: int, image_size: int | Sequence[int] | None, fit: str, on_broken: str
) -> Stored:
    """Return how to store images.

    Raises:
        DataError: a setting is not allowed.
    """
    if channels not in _MODES:
        raise DataError(f"data.channels must be 1 (grey) or 3 (colour), but got {channels!r}")
    for key, value, kind in (("fit", fit, Fit), ("on_broken", on_broken, OnBroken)):
        if value not in list(kind):
            allowed = ", ".join(kind)
            raise DataError(f"data.{key} must be one of {allowed}, but got {value!r}")
    return Stored(channels, _checked_size(image_size), Fit(fit), OnBroken(on_broken))


def _checked_size(image_size: int | Sequence[int] | None) -> tuple[int, int] | None:
    if image_size is None:
        return None
    sides = [image_size, image_size] if isinstance(image_size, int) else list(image_size)
    if len(sides) != 2 or any(
        isinstance(s, bool) or not isinstance(s, int) or s < 1 for s in sides
    ):
        raise DataError(
            f"data.image_size must be a side or [height, width], in pixels, but got {image_size!r}"
        )
    return sides[0], sides[1]


def load_encoded(
    parts: Mapping[str, Encoded],
    *,
    stored: Stored,
    class_names: Sequence[str],
    fractions: Mapping[str, float],
    split_seed: int,
    name: str,
    where: str,
    official: str,
    is_mirrorable: bool,
) -> Dataset:
    """Return a data set of encoded images; splits that are not given are held out of train.

    Args:
        parts: `train`, and perhaps `validation` and `test`.
        stored: how to store the images.
        class_names: in the order of the labels.
        fractions: of each split that may be absent -> share of each class held out for it.
        split_seed: of that draw.
        name: of the data set.
        where: the images come from, for messages.
        official: says where the given splits come from.
        is_mirrorable: a mirrored image keeps its class.

    Raises:
        DataError: images cannot be read, differ in size, or are too few.
    """
    splits, skipped = _decode(parts, stored)
    held = {word: share for word, share in fractions.items() if word not in parts}
    train = splits["train"]
    if held:
        drawn = hold_out(train.labels, held, seed=split_seed, class_names=class_names, where=where)
        splits |= {word: train.take(indices) for word, indices in drawn.items()}
    rules = [official, *(f"{w}: {s:g} of each class, seed {split_seed}" for w, s in held.items())]
    return Dataset(
        name=name,
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        class_names=tuple(class_names),
        split_rule="; ".join(rule for rule in rules if rule),
        is_mirrorable=is_mirrorable,
        skipped=skipped,
    )


def _decode(
    parts: Mapping[str, Encoded], stored: Stored
) -> tuple[dict[str, Split], tuple[str, ...]]:
    def attempt(part: Encoded, index: int) -> npt.NDArray[np.uint8] | str:
        try:
            return decode_one(part.open_one(index), stored)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            return f"{part.names[index]}: {error}"

    jobs = [(part, index) for part in parts.values() for index in range(len(part.labels))]
    with ThreadPoolExecutor(max_workers=min(16, os.cpu_count() or 1)) as pool:
        decoded = list(pool.map(lambda job: attempt(*job), jobs))
    broken = tuple(entry for entry in decoded if isinstance(entry, str))
    if broken and stored.on_broken is OnBroken.REFUSE:
        raise DataError(
            f"{len(broken)} of {len(jobs)} images cannot be read; repair or remove them, or leave "
            "them out with data.on_broken=skip:\n" + "\n".join(broken)
        )
    _check_sizes([part.names[index] for part, index in jobs], decoded)
    splits, start = {}, 0
    for word, part in parts.items():
        entries = decoded[start : start + len(part.labels)]
        start += len(part.labels)
        kept = [index for index, entry in enumerate(entries) if not isinstance(entry, str)]
        if not kept:
            raise DataError(f"none of the {len(entries)} images of {word} can be read")
        images = np.stack([entries[index] for index in kept])
        splits[word] = Split(images, part.labels[kept])
    return splits, broken


def decode_one(picture: Picture, stored: Stored) -> npt.NDArray[np.uint8]:
    """Return an image (H, W, C).

    Raises:
        OSError: it cannot be read.
        ValueError: it has more than 8 bits a channel.
    """
    if isinstance(picture, Image.Image):
        return _pixels(picture, stored)
    source = io.BytesIO(picture) if isinstance(picture, bytes) else picture
    with Image.open(source) as opened:
        return _pixels(opened, stored)


def _pixels(opened: Image.Image, stored: Stored) -> npt.NDArray[np.uint8]:
    if opened.mode.split(";")[0] in _DEEP_MODES:
        raise ValueError(f"mode {opened.mode} has more than 8 bits a channel; convert it to 8")
    image = ImageOps.exif_transpose(opened).convert(_MODES[stored.channels])
    if stored.size is not None:
        image = _resized(image, stored.size, stored.fit)
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[..., None] if stored.channels == 1 else pixels


def _resized(image: Image.Image, size: tuple[int, int], fit: Fit) -> Image.Image:
    shape, bilinear = (size[1], size[0]), Image.Resampling.BILINEAR
    if fit is Fit.CROP:
        return ImageOps.fit(image, shape, bilinear)
    if fit is Fit.PAD:
        return ImageOps.pad(image, shape, bilinear)
    return image.resize(shape, bilinear, reducing_gap=3.0)


def _check_sizes(names: Sequence[str], images: Sequence[npt.NDArray[np.uint8] | str]) -> None:
    first: dict[tuple[int, ...], str] = {}
    for name, image in zip(names, images, strict=True):
        if not isinstance(image, str):
            first.setdefault(image.shape[:2], name)
    if len(first) > 1:
        examples = ", ".join(f"{h}x{w} ({name})" for (h, w), name in list(first.items())[:3])
        raise DataError(
            f"the images have {len(first)} sizes, such as {examples}; "
            "set data.image_size to resize all to one"
        )
