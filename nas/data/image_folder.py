"""A user's own images from folders, one folder for each class.

Either `path/<class>/...`, or the same below `path/train`, `path/val` and `path/test`; a split that
has no folder is held out from train. Every image is decoded once, when the data set is loaded.
"""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from nas.data.dataset import Dataset, Split
from nas.data.splitting import hold_out
from nas.errors import DataError

_FOLDERS = {"validation": ("val", "valid", "validation"), "test": ("test",)}
_MODES = {1: "L", 3: "RGB"}
_DEEP_MODES = ("I", "F")  # 16 or 32 bits a pixel: conversion to 8 bits would clip


@dataclass(frozen=True)
class _Format:
    """How images are stored.

    Attributes:
        channels: 1 for grey, 3 for colour.
        size: (height, width) to resize to; None to keep it.
    """

    channels: int
    size: tuple[int, int] | None


def load_image_folder(
    path: str,
    *,
    image_size: int | Sequence[int] | None = None,
    channels: int = 3,
    validation_fraction: float = 0.2,
    test_fraction: float = 0.2,
    split_seed: int = 0,
    is_mirrorable: bool = False,
) -> Dataset:
    """Return the images of a folder of class folders, as uint8.

    Args:
        path: the folder; classes are numbered in the order of their names.
        image_size: side, or height and width, that all images are resized to, pixels; None if they
            are alike.
        channels: 1 for grey, 3 for colour.
        validation_fraction: share of each class held out for validation where no folder holds it.
        test_fraction: the same for the test.
        split_seed: of these draws.
        is_mirrorable: a mirrored image keeps its class.

    Raises:
        DataError: folders are missing or empty, or images differ in size or cannot be read.
    """
    root = Path(path)
    stored = _Format(_checked_channels(channels), _checked_size(image_size))
    train_root = root / "train" if _class_folders(root / "train") else root
    class_names = _checked_classes(train_root)
    fractions = {"validation": validation_fraction, "test": test_fraction}
    folders = {"train": train_root}
    if train_root != root:
        folders |= {word: found for word in fractions if (found := _split_folder(root, word))}
    listed = {word: _list_images(folder, class_names) for word, folder in folders.items()}
    splits = _decode(listed, stored)
    held = {word: share for word, share in fractions.items() if word not in folders}
    parts = hold_out(
        splits["train"].labels,
        held,
        seed=split_seed,
        class_names=class_names,
        where=str(train_root),
    )
    splits |= {word: splits["train"].take(indices) for word, indices in parts.items()}
    return Dataset(
        name=root.resolve().name,
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        class_names=tuple(class_names),
        split_rule=_split_rule(folders, held, seed=split_seed),
        is_mirrorable=is_mirrorable,
    )


def _split_rule(folders: Mapping[str, Path], held: Mapping[str, float], *, seed: int) -> str:
    rules = [f"{word}: the images of {folder.name}" for word, folder in folders.items()]
    rules += [f"{word}: {share:g} of each class, seed {seed}" for word, share in held.items()]
    return "; ".join(rules)


@dataclass(frozen=True)
class _Files:
    paths: list[Path]
    labels: npt.NDArray[np.int64]


def _checked_channels(channels: int) -> int:
    if channels not in _MODES:
        raise DataError(f"data.channels must be 1 (grey) or 3 (colour), but got {channels!r}")
    return channels


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


def _class_folders(root: Path) -> list[str]:
    if not root.is_dir():
        return []
    return sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))


def _checked_classes(root: Path) -> list[str]:
    if not root.is_dir():
        raise DataError(
            f"data.path: there is no folder {root.absolute()}; give one that holds class folders"
        )
    names = _class_folders(root)
    if len(names) < 2:
        raise DataError(
            f"{root} has {len(names)} class folders{': ' + names[0] if names else ''}; "
            "put the images of each class into a folder of its own, at least 2"
        )
    return names


def _split_folder(root: Path, word: str) -> Path | None:
    return next((root / name for name in _FOLDERS[word] if _class_folders(root / name)), None)


def _list_images(root: Path, class_names: Sequence[str]) -> _Files:
    unknown = sorted(set(_class_folders(root)) - set(class_names))
    if unknown:
        raise DataError(
            f"{root} has the class folders {', '.join(unknown)}, which train has not; "
            f"its classes are {', '.join(class_names)}"
        )
    extensions = set(Image.registered_extensions())
    paths: list[Path] = []
    labels: list[int] = []
    empty = []
    for label, name in enumerate(class_names):
        found = sorted(
            p
            for p in (root / name).rglob("*")
            if p.suffix.lower() in extensions and not p.name.startswith(".")
        )
        paths.extend(found)
        labels.extend([label] * len(found))
        if not found:
            empty.append(name)
    if empty:
        raise DataError(
            f"{root} has no images of the classes {', '.join(empty)}; "
            "add some or remove the folders"
        )
    return _Files(paths, np.array(labels, dtype=np.int64))


def _decode(listed: Mapping[str, _Files], stored: _Format) -> dict[str, Split]:
    def attempt(path: Path) -> npt.NDArray[np.uint8] | str:
        try:
            return _decode_one(path, stored)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            return f"{path}: {error}"

    paths = [path for files in listed.values() for path in files.paths]
    with ThreadPoolExecutor(max_workers=min(16, os.cpu_count() or 1)) as pool:
        decoded = list(pool.map(attempt, paths))
    images = [entry for entry in decoded if not isinstance(entry, str)]
    broken = [entry for entry in decoded if isinstance(entry, str)]
    if broken:
        raise DataError(
            f"{len(broken)} of {len(paths)} images cannot be read; repair or remove them:\n"
            + "\n".join(broken)
        )
    _check_sizes(paths, images)
    splits = {}
    for word, files in listed.items():
        splits[word] = Split(np.stack(images[: len(files.paths)]), files.labels)
        images = images[len(files.paths) :]
    return splits


def _decode_one(path: Path, stored: _Format) -> npt.NDArray[np.uint8]:
    with Image.open(path) as opened:
        if opened.mode.split(";")[0] in _DEEP_MODES:
            raise ValueError(f"mode {opened.mode} has more than 8 bits a channel; convert it to 8")
        image = ImageOps.exif_transpose(opened).convert(_MODES[stored.channels])
    if stored.size is not None:
        height, width = stored.size
        image = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[..., None] if stored.channels == 1 else pixels


def _check_sizes(paths: Sequence[Path], images: Sequence[npt.NDArray[np.uint8]]) -> None:
    first: dict[tuple[int, ...], Path] = {}
    for path, image in zip(paths, images, strict=True):
        first.setdefault(image.shape[:2], path)
    if len(first) > 1:
        examples = ", ".join(f"{h}x{w} ({path})" for (h, w), path in list(first.items())[:3])
        raise DataError(
            f"the images have {len(first)} sizes, such as {examples}; "
            "set data.image_size to resize all to one"
        )
