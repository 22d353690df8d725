"""A user's own images from one `.npz` file of NumPy arrays.

The file holds `train_images`, `train_labels`, `test_images`, `test_labels`, and perhaps
`val_images`, `val_labels` (the layout of MedMNIST); without these the validation split is held
out from train. `class_names` is an array of texts.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nas.data.copies import Hashes, copies_across, hashes_of, numbered
from nas.data.dataset import Dataset, Split, check_classes, check_lengths, check_split
from nas.data.findings import Findings, LeftOut, printable
from nas.data.mirroring import mirroring_of
from nas.data.npz_file import read_arrays
from nas.data.npz_layout import channels_last
from nas.data.splitting import hold_out
from nas.data.task_data import MultiLabel, TaskData
from nas.errors import DataError
from nas.planning.image_decisions import ImageDecisions
from nas.seeding import generator


def load_npz(
    path: str,
    *,
    validation_fraction: float = 0.2,
    split_seed: int = 0,
    is_mirrorable: bool | Literal["auto"] = False,
    layout: str = "auto",
) -> Dataset | TaskData:
    """Return the images of an `.npz` file.

    Args:
        path: the file; images are (N, H, W) or (N, H, W, C), uint8 or float; labels are (N,) whole
            numbers, or (N, K) of 0 and 1 where an image may have several; with a single 1 in each
            row they are taken as classes.
        validation_fraction: share of each class of train that is held out where the file has no
            `val_images`.
        split_seed: of that draw.
        is_mirrorable: a mirrored image keeps its class; auto: as the training images say
            (`nas.data.mirroring`).
        layout: of images with four dimensions: channels_first, channels_last, or auto, which asks
            their sizes and refuses what they leave open.

    Raises:
        DataError: the file or an array in it is missing, unreadable or unfit.
    """
    file = Path(path)
    read, others = read_arrays(file)
    arrays = _with_classes(channels_last(read, layout, file=file))
    for name in ("train_labels", "test_labels", "val_labels"):
        _check_no_texts(arrays, name, file)
    if arrays["train_labels"].ndim == 2 and arrays["train_labels"].shape[1] > 1:
        return _multi_label(
            arrays, file, fraction=validation_fraction, seed=split_seed, mirrors=is_mirrorable
        )
    train, test = (_split(arrays, word, file) for word in ("train", "test"))
    num_classes = int(train.labels.max()) + 1
    check_classes(train.labels, num_classes=num_classes, where=f"{file}: train_labels")
    class_names = _class_names(arrays, num_classes, file)
    hashes = {"train": hashes_of(train.images), "test": hashes_of(test.images)}
    if "val_images" in arrays:
        validation = _split(arrays, "val", file)
        rule = "train, val and test as in the file"
        hashes["validation"] = hashes_of(validation.images)
    else:
        train, validation = _held_out(
            train,
            hashes["train"],
            class_names,
            file,
            fraction=validation_fraction,
            seed=split_seed,
        )
        share = f"{validation_fraction:g} of each class of train, seed {split_seed}"
        rule = f"train and test as in the file; validation: {share}"
    mirroring = mirroring_of(train, is_mirrorable)
    return Dataset(
        name=file.stem,
        train=train,
        validation=validation,
        test=test,
        class_names=class_names,
        split_rule=rule,
        is_mirrorable=mirroring.is_sound,
        findings=Findings(_turned(read, arrays), _left_out(others), copies=_copies(hashes)),
        decided=ImageDecisions(mirroring=mirroring),
    )


def _held_out(
    train: Split,
    hashes: Hashes,
    class_names: tuple[str, ...],
    file: Path,
    *,
    fraction: float,
    seed: int,
) -> tuple[Split, Split]:
    """Return what is left of train, and a share of each of its classes for validation."""
    parts = hold_out(
        train.labels,
        {"validation": fraction},
        seed=seed,
        class_names=class_names,
        where=f"{file}: train_labels",
        contents=numbered(hashes),
    )
    return train.take(parts["train"]), train.take(parts["validation"])


def _left_out(others: tuple[str, ...]) -> tuple[LeftOut, ...]:
    return (LeftOut("arrays of other names", others),) if others else ()


def _copies(hashes: dict[str, Hashes]) -> tuple[str, ...]:
    return copies_across(hashes, {word: _Rows(word) for word in hashes})


@dataclass(frozen=True)
class _Rows:
    """What the images of a split are called: the split and their number."""

    split: str

    def __getitem__(self, index: int) -> str:
        return f"{self.split} {index}"


def _turned(
    read: Mapping[str, npt.NDArray[Any]], arrays: Mapping[str, npt.NDArray[Any]]
) -> tuple[str, ...]:
    before, after = read["train_images"].shape, arrays["train_images"].shape
    if before == after:
        return ()
    return (f"train_images has the shape {before}: its channels are taken to come first",)


def _check_no_texts(arrays: Mapping[str, npt.NDArray[Any]], name: str, file: Path) -> None:
    labels = arrays.get(name)
    if labels is not None and labels.dtype.kind in "USO":
        raise DataError(
            f"{file}: {name} has labels of type {labels.dtype}; give whole numbers, such as by "
            "class_names, labels = numpy.unique(texts, return_inverse=True)"
        )


def _with_classes(arrays: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Return labels with a single 1 in every row of every split as classes."""
    names = [name for name in arrays if name.endswith("_labels")]
    if not all(_is_one_hot(arrays[name]) for name in names):
        return arrays
    return {**arrays, **{name: arrays[name].argmax(axis=1) for name in names}}


def _is_one_hot(labels: npt.NDArray[Any]) -> bool:
    return bool(
        labels.ndim == 2
        and labels.shape[1] > 1
        and np.isin(labels, (0, 1)).all()
        and (labels.sum(axis=1) == 1).all()
    )


def _multi_label(
    arrays: Mapping[str, npt.NDArray[Any]],
    file: Path,
    *,
    fraction: float,
    seed: int,
    mirrors: bool | Literal["auto"],
) -> TaskData:
    """Return images with several labels each; validation is drawn from all of train alike."""
    splits = {word: _labelled(arrays, word, file) for word in ("train", "test")}
    if "val_images" in arrays:
        splits["validation"] = _labelled(arrays, "val", file)
        rule = "train, val and test as in the file"
    else:
        train = splits["train"]
        order = generator(seed, "hold out").permutation(len(train))
        number = max(1, round(fraction * len(train)))
        splits["validation"] = train.take(np.sort(order[:number]))
        splits["train"] = train.take(np.sort(order[number:]))
        rule = f"train and test as in the file; validation: {fraction:g} of train, seed {seed}"
    return TaskData(
        name=file.stem,
        task=MultiLabel(),
        **splits,
        num_outputs=splits["train"].labels.shape[1],
        split_rule=rule,
        is_mirrorable=mirroring_of(splits["train"], mirrors).is_sound,
    )


def _labelled(arrays: Mapping[str, npt.NDArray[Any]], word: str, file: Path) -> Split:
    labels = arrays[f"{word}_labels"]
    if labels.ndim != 2:
        raise DataError(
            f"{file}: {word}_labels has shape {labels.shape}, and train_labels "
            f"{arrays['train_labels'].shape}; write the labels of all splits alike"
        )
    where = f"{file}: {word}_images/{word}_labels"
    check_lengths(
        Split(arrays[f"{word}_images"], labels), where=where, one="image", other="row of label"
    )
    if not np.isin(labels, (0, 1)).all():
        raise DataError(f"{file}: {word}_labels have two dimensions, so they must be 0 or 1")
    return Split(_images(arrays[f"{word}_images"]), labels.astype(np.float32))


def _are_whole(labels: npt.NDArray[Any]) -> bool:
    """Say whether floats are whole numbers that fit an int64 to the unit."""
    if not np.issubdtype(labels.dtype, np.floating) or not np.isfinite(labels).all():
        return False
    return bool((labels == np.floor(labels)).all() and (np.abs(labels) < 2.0**53).all())


def _images(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return images (N, H, W, C), floats in single precision."""
    if np.issubdtype(images.dtype, np.floating):
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is told
            images = images.astype(np.float32)
    return np.ascontiguousarray(images[..., None] if images.ndim == 3 else images)


def _class_names(
    arrays: Mapping[str, npt.NDArray[Any]], num_classes: int, file: Path
) -> tuple[str, ...]:
    names = arrays.get("class_names")
    if names is None:
        return tuple(str(label) for label in range(num_classes))
    if names.ndim != 1 or len(names) != num_classes:
        raise DataError(
            f"{file}: class_names has shape {names.shape}, but train_labels has {num_classes} "
            "classes; give one name for each"
        )
    texts = tuple(_text(name, place, file) for place, name in enumerate(names.tolist()))
    twice = [name for name, number in Counter(texts).items() if number > 1]
    if twice:
        places = [str(place) for place, name in enumerate(texts) if name == twice[0]]
        raise DataError(
            f"{file}: class_names has {twice[0]!r} for the classes {' and '.join(places)}; give "
            "each class a name of its own, or leave class_names out"
        )
    return texts


def _text(name: object, place: int, file: Path) -> str:
    if not isinstance(name, bytes):
        return printable(str(name))
    try:
        return printable(name.decode())
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file}: class_names[{place}] is {name!r}, which is not UTF-8; write texts, such as "
            "[name.decode('latin-1') for name in class_names]"
        ) from error


def _split(arrays: Mapping[str, npt.NDArray[Any]], word: str, file: Path) -> Split:
    labels = arrays[f"{word}_labels"]
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.dtype == np.bool_ or _are_whole(labels):
        labels = labels.astype(np.int64)  # classes that were saved as another type
    if np.issubdtype(labels.dtype, np.integer):
        labels = labels.astype(np.int64)
    split = Split(_images(arrays[f"{word}_images"]), np.ascontiguousarray(labels))
    check_split(split, where=f"{file}: {word}_images/{word}_labels")
    return split
