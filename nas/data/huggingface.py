"""Image classification data sets of the Hugging Face hub, from its cache or from a folder.

Needs the `datasets` package (`pip install 'nas[data]'`). The network is used only where the user
sets `data.is_offline=false`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nas.data.dataset import Dataset
from nas.data.encoded import Encoded, LibraryItems, load_encoded
from nas.data.findings import Findings, LeftOut
from nas.data.parquet import names_of_labels, numbers
from nas.data.preparation import Preparation, with_preparation
from nas.data.split_names import by_split
from nas.errors import DataError, MissingPackageError, nearest_first

_NO_LABELS = "splits without labels, in whose place images of train are held out"
_OTHER_SPLITS = "splits whose names are none of train, validation and test"


@with_preparation(validation_fraction=0.1)
def load_huggingface(
    name: str,
    *,
    subset: str | None = None,
    image_column: str = "image",
    label_column: str = "label",
    is_offline: bool = True,
    preparation: Preparation,
) -> Dataset:
    """Return a data set of the hub.

    Args:
        name: on the hub, as `uoft-cs/cifar10`; or a folder that `save_to_disk` wrote.
        subset: of data sets that have several configurations.
        image_column: holds the images.
        label_column: holds class labels, whole numbers or texts.
        is_offline: take what is in the cache; false lets the package fetch what is not.
        preparation: as `nas.data.preparation.Preparation`; each of its settings by name.

    Raises:
        MissingPackageError: `datasets` is not installed.
        DataError: the data set is not there, or its columns are not.
    """
    opened = open_dataset(name, subset, is_offline=is_offline)
    chosen = by_split(
        map(str, opened), where=name, remedy="save a data set with one of them, by save_to_disk"
    )
    parts = {word: opened[found] for word, found in chosen.items()}
    others = tuple(str(found) for found in opened if found not in chosen.values())
    left_out = [LeftOut(_OTHER_SPLITS, others, True)] * bool(others)
    if "train" not in parts:
        raise DataError(f"{name} has no split 'train'; it has {', '.join(opened)}")
    check_columns(parts["train"], (image_column, label_column), name)
    feature = parts["train"].features[label_column]
    labels = {word: list(part[label_column]) for word, part in parts.items()}
    for word in _without_labels(labels):
        del parts[word], labels[word]
        left_out.append(LeftOut(_NO_LABELS, (chosen.pop(word),), True))
    class_names = tuple(getattr(feature, "names", ())) or names_of_labels(labels, where=name)
    items = {word: _items(part, image_column, f"{name} {word}") for word, part in parts.items()}
    coded = {word: np.asarray(numbers(labels[word], class_names)) for word in parts}
    return load_encoded(
        {word: Encoded(items[word], coded[word]) for word in parts},
        preparation=preparation,
        class_names=class_names,
        name=name.rstrip("/").rpartition("/")[2],
        where=name,
        official=f"{', '.join(chosen.values())}: as published",
        findings=Findings(left_out=tuple(left_out)),
    )


def _items(part: Any, image_column: str, where: str) -> LibraryItems:
    return LibraryItems(
        _encoded(part, image_column), image_column, where, _fingerprint(part, image_column)
    )


def _without_labels(labels: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return the splits whose labels a contest keeps to itself."""
    held_out = [word for word in labels if word != "train"]
    return [word for word in held_out if all(label in (-1, None) for label in labels[word])]


def _encoded(part: Any, image_column: str) -> Any:
    """Return the data with images as they are stored: decoded they differ between versions."""
    import datasets

    if not isinstance(part.features[image_column], datasets.Image):
        return part
    return part.cast_column(image_column, datasets.Image(decode=False))


def _fingerprint(part: Any, image_column: str) -> str | None:
    """Return the package's own fingerprint of the data."""
    fingerprint = getattr(part, "_fingerprint", None)
    return None if fingerprint is None else f"{fingerprint} {image_column}"


def open_dataset(name: str, subset: str | None, *, is_offline: bool) -> Mapping[str, Any]:
    """Return a mapping from splits to data.

    Args:
        name: on the hub, or a folder: one that `save_to_disk` wrote, or of data files.
        subset: of data sets that have several configurations.
        is_offline: take what is in the cache.

    Raises:
        MissingPackageError: `datasets` is not installed.
        DataError: the data set is not there.
    """
    try:
        import datasets
    except ImportError as error:
        raise MissingPackageError(
            "data=huggingface needs the package 'datasets'; install it: pip install 'nas[data]'"
        ) from error
    try:
        with _offline(is_offline):
            found: Mapping[str, Any]
            if (Path(name) / "dataset_dict.json").is_file():
                found = datasets.load_from_disk(name)
            elif (Path(name) / "state.json").is_file():
                found = {"train": datasets.load_from_disk(name)}
            else:
                found = datasets.load_dataset(name, subset)
            return found
    except (OSError, ValueError) as error:  # what the package raises for all that is not there
        raise DataError(
            f"{name} cannot be opened ({str(error).splitlines()[0]}); data.is_offline=false lets "
            "it be fetched from the hub, or give a folder that save_to_disk wrote"
        ) from error


@contextmanager
def _offline(is_offline: bool) -> Iterator[None]:
    """Keep the package from the network: it reads this only when it is imported."""
    import datasets

    before = datasets.config.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = is_offline or before
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE = before


def check_columns(part: Any, columns: Sequence[str], name: str) -> None:
    """Refuse columns that a data set lacks.

    Raises:
        DataError: which, and those that are most like it.
    """
    for column in columns:
        if column not in part.features:
            near = nearest_first(column, part.features)
            raise DataError(f"{name} has no column '{column}'; nearest first: {near}")
