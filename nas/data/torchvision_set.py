"""The classification data sets of torchvision, by name, where their files are present.

Nothing is downloaded: `data.path` is the folder that torchvision calls root. The splits are the
official ones; what a data set has no split for is held out of train.
"""

import inspect
from pathlib import Path
from typing import Any

import numpy as np

from nas.data.class_names import told_apart
from nas.data.dataset import Dataset
from nas.data.encoded import Encoded, LibraryItems, load_encoded
from nas.data.preparation import Preparation, with_preparation
from nas.data.streamed import Texts
from nas.errors import DataError, nearest_first

_SPLIT_WORDS = {"train": ("train", "trainval"), "validation": ("val", "valid"), "test": ("test",)}


@with_preparation(validation_fraction=0.1)
def load_torchvision(name: str, path: str, *, preparation: Preparation) -> Dataset:
    """Return a data set of torchvision.

    Args:
        name: of its class, as CIFAR10, FashionMNIST, SVHN, Flowers102.
        path: the folder with its files, torchvision's root.
        preparation: as `nas.data.preparation.Preparation`; each of its settings by name.

    Raises:
        DataError: there is no such data set, or its files are not there.
    """
    parts = _open_parts(_find(name), name, path)
    return load_encoded(
        {
            word: Encoded(
                LibraryItems(part, 0, f"{name} {word}", files=_files(part)),
                np.array(_labels(part), dtype=np.int64),
            )
            for word, part in parts.items()
        },
        preparation=preparation,
        class_names=_class_names(parts["train"]),
        name=name,
        where=f"{name} in {path}",
        official=f"{', '.join(parts)}: torchvision's {name}",
    )


def _find(name: str) -> type[Any]:
    from torchvision import datasets  # takes a second to import

    known = [n for n in datasets.__all__ if inspect.isclass(getattr(datasets, n, None))]
    if name not in known:
        raise DataError(
            f"torchvision has no data set '{name}'; known, nearest first: "
            f"{nearest_first(name, known)}"
        )
    found: type[Any] = getattr(datasets, name)
    return found


def _open_parts(kind: type[Any], name: str, path: str) -> dict[str, Any]:
    """Open each official split that the data set has."""
    takes = inspect.signature(kind.__init__).parameters
    parts: dict[str, Any] = {}
    choices: dict[str, list[dict[str, Any]]]
    if "train" in takes:
        choices = {"train": [{"train": True}], "test": [{"train": False}]}
    elif "split" in takes:
        choices = {w: [{"split": s} for s in words] for w, words in _SPLIT_WORDS.items()}
    else:
        choices = {"train": [{}]}
    if "download" in takes:  # never, whatever its default
        choices = {w: [{**o, "download": False} for o in c] for w, c in choices.items()}
    told = ""
    for word, options in choices.items():
        for option in options:
            try:
                parts[word] = kind(path, **option)
                break
            except (RuntimeError, OSError) as error:
                told = told or str(error)
            except ValueError:  # it has no split of that name
                continue
    if "train" not in parts:
        raise DataError(
            f"the files of torchvision's {name} are not in {path} ({told}); fetch them with "
            f"torchvision.datasets.{name}({path!r}, download=True), or copy them there"
        )
    return parts


def _files(part: Any) -> Texts | None:
    """Return the files of the images, where a data set lists them."""
    for attribute in ("_image_files", "_images", "_samples", "samples", "imgs", "images"):
        listed = getattr(part, attribute, None)
        if isinstance(listed, list) and len(listed) == len(part):
            paths = [item[0] if isinstance(item, tuple) else item for item in listed]
            if all(isinstance(path, str | Path) and Path(path).is_file() for path in paths):
                return Texts([str(Path(path).absolute()) for path in paths])
    return None


def _class_names(part: Any) -> tuple[str, ...]:
    names = getattr(part, "classes", None)
    if names:
        return told_apart([name[0] if isinstance(name, tuple) else str(name) for name in names])
    return tuple(str(number) for number in range(max(_labels(part)) + 1))


def _labels(part: Any) -> list[int]:
    for attribute in ("targets", "labels", "_labels", "y"):
        found = getattr(part, attribute, None)
        if found is not None and len(found) == len(part):
            return [int(label) for label in found]
    return [int(part[index][1]) for index in range(len(part))]
