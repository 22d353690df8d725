"""A user's own images from folders, one folder for each class.

Either `path/<class>/...`, or the same below `path/train`, `path/val` and `path/test`; a split that
has no folder is held out from train.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from nas.data.dataset import Dataset
from nas.data.encoded import SPLIT_WORDS, Encoded, load_encoded
from nas.data.preparation import Preparation, with_preparation
from nas.data.streamed import Texts
from nas.errors import DataError


@with_preparation()
def load_image_folder(path: str, *, preparation: Preparation) -> Dataset:
    """Return the images of a folder of class folders, as uint8.

    Args:
        path: the folder; classes are numbered in the order of their names.
        preparation: as `nas.data.preparation.Preparation`; each of its settings by name.

    Raises:
        DataError: folders are missing or empty, or images differ in size or cannot be read.
    """
    root = Path(path)
    found = {word: folder for word in SPLIT_WORDS if (folder := _split_folder(root, word))}
    folders = found if "train" in found else {"train": root}
    train_root = folders["train"]
    class_names = _checked_classes(train_root)
    return load_encoded(
        {word: _list_images(folder, class_names) for word, folder in folders.items()},
        preparation=preparation,
        class_names=class_names,
        name=root.resolve().name,
        where=str(train_root),
        official="; ".join(f"{word}: the images of {f.name}" for word, f in folders.items()),
    )


@dataclass(frozen=True)
class Files:
    """Image files.

    Attributes:
        root: a folder, absolute: workers may start elsewhere.
        paths: below it.
        told_root: the same as the user wrote it, for messages.
    """

    root: str
    paths: Texts
    told_root: str

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, index: int) -> str:
        """Return the path, beginning as the user wrote it."""
        return str(Path(self.told_root, self.paths[index]))

    def open(self, index: int) -> Path:
        """Return the path."""
        return Path(self.root, self.paths[index])

    def version(self) -> str | None:
        """Return a digest of all paths, sizes in bytes and times of change."""
        digest = hashlib.blake2b(self.root.encode(errors="surrogateescape"), digest_size=16)
        for path in self.paths:
            try:
                found = (Path(self.root) / path).stat()
            except OSError:  # broken: told when it is opened
                continue
            text = f"{path}\0{found.st_size}\0{found.st_mtime_ns}\n"
            digest.update(text.encode(errors="surrogateescape"))
        return digest.hexdigest()


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
    splits = [name for name in names if any(name.lower() in w for w in SPLIT_WORDS.values())]
    if splits == names:
        raise DataError(
            f"{root} has the folders {', '.join(names)}, which seem to be splits, and none that "
            "is called train; name it so, or give the folder that holds the classes"
        )
    return names


def _split_folder(root: Path, word: str) -> Path | None:
    """Return the folder of a split, however its name is written, if it holds class folders."""
    known = {name.lower(): root / name for name in _class_folders(root)}
    named = [known[name] for name in SPLIT_WORDS[word] if name in known]
    return next((folder for folder in named if _class_folders(folder)), None)


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
    below = Texts([str(path.relative_to(root)) for path in paths])
    files = Files(str(root.absolute()), below, str(root))
    return Encoded(files, np.array(labels, dtype=np.int64))
