"""A user's own images from folders, one folder for each class.

Either `path/<class>/...`, or the same below `path/train`, `path/val` and `path/test`; a split that
has no folder is held out from train. Every image is decoded once, when the data set is loaded.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from nas.data.dataset import Dataset
from nas.data.encoded import Encoded, checked_storage, load_encoded
from nas.errors import DataError

_FOLDERS = {"validation": ("val", "valid", "validation"), "test": ("test",)}


def load_image_folder(
    path: str,
    *,
    image_size: int | Sequence[int] | None = None,
    fit: str = "stretch",
    channels: int = 3,
    on_broken: str = "refuse",
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
        fit: how images of another shape come to that size: stretch, crop or pad.
        channels: 1 for grey, 3 for colour.
        on_broken: refuse images that cannot be read, or skip them; both name all of them.
        validation_fraction: share of each class held out for validation where no folder holds it.
        test_fraction: the same for the test.
        split_seed: of these draws.
        is_mirrorable: a mirrored image keeps its class.

    Raises:
        DataError: folders are missing or empty, or images differ in size or cannot be read.
    """
    root = Path(path)
    stored = checked_storage(
        channels=channels, image_size=image_size, fit=fit, on_broken=on_broken
    )
    train_root = root / "train" if _class_folders(root / "train") else root
    class_names = _checked_classes(train_root)
    fractions = {"validation": validation_fraction, "test": test_fraction}
    folders = {"train": train_root}
    if train_root != root:
        folders |= {word: found for word in fractions if (found := _split_folder(root, word))}
    return load_encoded(
        {word: _list_images(folder, class_names) for word, folder in folders.items()},
        stored=stored,
        class_names=class_names,
        fractions=fractions,
        split_seed=split_seed,
        name=root.resolve().name,
        where=str(train_root),
        official="; ".join(f"{word}: the images of {f.name}" for word, f in folders.items()),
        is_mirrorable=is_mirrorable,
    )


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


def _list_images(root: Path, class_names: Sequence[str]) -> Encoded:
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
    labelled = np.array(labels, dtype=np.int64)
    return Encoded([str(path) for path in paths], lambda index: paths[index], labelled)
