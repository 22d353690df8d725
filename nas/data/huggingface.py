"""Image classification data sets of the Hugging Face hub, from its cache or from a folder.

Needs the `datasets` package (`pip install 'nas[data]'`). The network is used only where the user
sets `data.is_offline=false`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nas.data.dataset import Dataset
from nas.data.encoded import Encoded, Picture, checked_storage, load_encoded
from nas.data.parquet import names_of_labels, numbers
from nas.errors import DataError, MissingPackageError, nearest_first

_SPLITS = {"train": ("train",), "validation": ("validation", "valid", "val"), "test": ("test",)}


def load_huggingface(
    name: str,
    *,
    subset: str | None = None,
    image_column: str = "image",
    label_column: str = "label",
    is_offline: bool = True,
    image_size: int | Sequence[int] | None = None,
    fit: str = "stretch",
    channels: int = 3,
    on_broken: str = "refuse",
    validation_fraction: float = 0.1,
    test_fraction: float = 0.2,
    split_seed: int = 0,
    is_mirrorable: bool = False,
) -> Dataset:
    """Return a data set of the hub.

    Args:
        name: on the hub, as `uoft-cs/cifar10`; or a folder that `save_to_disk` wrote.
        subset: of data sets that have several configurations.
        image_column: holds the images.
        label_column: holds class labels, whole numbers or texts.
        is_offline: take what is in the cache; false lets the package fetch what is not.
        image_size: side, or height and width, that all images are resized to, pixels; None if they
            are alike.
        fit: how images of another shape come to that size: stretch, crop or pad.
        channels: 1 for grey, 3 for colour.
        on_broken: refuse images that cannot be read, or skip them; both name all of them.
        validation_fraction: share of each class held out for validation where there is no such
            split.
        test_fraction: the same for the test.
        split_seed: of these draws.
        is_mirrorable: a mirrored image keeps its class.

    Raises:
        MissingPackageError: `datasets` is not installed.
        DataError: the data set is not there, or its columns are not.
    """
    stored = checked_storage(
        channels=channels, image_size=image_size, fit=fit, on_broken=on_broken
    )
    opened = _open(name, subset, is_offline=is_offline)
    parts = {
        word: opened[found]
        for word, words in _SPLITS.items()
        if (found := next((w for w in words if w in opened), None)) is not None
    }
    if "train" not in parts:
        raise DataError(f"{name} has no split 'train'; it has {', '.join(opened)}")
    _check_columns(parts["train"], (image_column, label_column), name)
    feature = parts["train"].features[label_column]
    labels = {word: list(part[label_column]) for word, part in parts.items()}
    class_names = tuple(getattr(feature, "names", ())) or names_of_labels(labels, where=name)
    return load_encoded(
        {
            word: _encoded(part, f"{name} {word}", image_column, labels[word], class_names)
            for word, part in parts.items()
        },
        stored=stored,
        class_names=class_names,
        fractions={"validation": validation_fraction, "test": test_fraction},
        split_seed=split_seed,
        name=name.rstrip("/").rpartition("/")[2],
        where=name,
        official=f"{', '.join(parts)}: as published",
        is_mirrorable=is_mirrorable,
    )


def _open(name: str, subset: str | None, *, is_offline: bool) -> Any:
    """Return a mapping from splits to data."""
    try:
        import datasets
    except ImportError as error:
        raise MissingPackageError(
            "data=huggingface needs the package 'datasets'; install it: pip install 'nas[data]'"
        ) from error
    try:
        with _offline(is_offline):
            if (Path(name) / "dataset_dict.json").is_file():
                return datasets.load_from_disk(name)
            return datasets.load_dataset(name, subset)
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


def _check_columns(part: Any, columns: Sequence[str], name: str) -> None:
    for column in columns:
        if column not in part.features:
            near = nearest_first(column, part.features)
            raise DataError(f"{name} has no column '{column}'; nearest first: {near}")


def _encoded(
    part: Any, where: str, image_column: str, labels: Sequence[Any], class_names: Sequence[str]
) -> Encoded:
    def open_one(index: int) -> Picture:
        picture: Picture = part[index][image_column]
        return picture

    names = [f"{where} {index}" for index in range(len(labels))]
    known = np.asarray(numbers(labels, class_names))
    return Encoded(names, open_one, known)
