"""A user's own images from one `.npz` file of NumPy arrays.

The file holds `train_images`, `train_labels`, `test_images`, `test_labels`, and perhaps
`val_images`, `val_labels` (the layout of MedMNIST); without these the validation split is held
out from train. `class_names` is an array of texts.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nas.data.dataset import Dataset, Split, check_classes, check_split
from nas.data.splitting import hold_out
from nas.data.task_data import MultiLabel, TaskData
from nas.errors import DataError, nearest_first
from nas.seeding import generator

_REQUIRED = ("train_images", "train_labels", "test_images", "test_labels")
_OPTIONAL = ("val_images", "val_labels")


def load_npz(
    path: str,
    *,
    validation_fraction: float = 0.2,
    split_seed: int = 0,
    is_mirrorable: bool = False,
) -> Dataset | TaskData:
    """Return the images of an `.npz` file.

    Args:
        path: the file; images are (N, H, W) or (N, H, W, C), uint8 or float; labels are (N,) whole
            numbers, or (N, K) of 0 and 1 where an image may have several; with a single 1 in each
            row they are taken as classes.
        validation_fraction: share of each class of train that is held out where the file has no
            `val_images`.
        split_seed: of that draw.
        is_mirrorable: a mirrored image keeps its class.

    Raises:
        DataError: the file or an array in it is missing, unreadable or unfit.
    """
    file = Path(path)
    arrays = _with_classes(_read(file))
    _check_order(arrays, file)
    if arrays["train_labels"].ndim == 2 and arrays["train_labels"].shape[1] > 1:
        return _multi_label(
            arrays, file, fraction=validation_fraction, seed=split_seed, mirrors=is_mirrorable
        )
    train, test = _split(arrays, "train", file), _split(arrays, "test", file)
    num_classes = int(train.labels.max()) + 1
    class_names = _class_names(arrays, num_classes, file)
    check_classes(train.labels, num_classes=num_classes, where=f"{file}: train_labels")
    if "val_images" in arrays:
        validation = _split(arrays, "val", file)
        rule = "train, val and test as in the file"
    else:
        parts = hold_out(
            train.labels,
            {"validation": validation_fraction},
            seed=split_seed,
            class_names=class_names,
            where=f"{file}: train_labels",
        )
        train, validation = train.take(parts["train"]), train.take(parts["validation"])
        rule = (
            f"train and test as in the file; validation: {validation_fraction:g} of each class of "
            f"train, seed {split_seed}"
        )
    return Dataset(
        name=file.stem,
        train=train,
        validation=validation,
        test=test,
        class_names=class_names,
        split_rule=rule,
        is_mirrorable=is_mirrorable,
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


def _check_order(arrays: Mapping[str, npt.NDArray[Any]], file: Path) -> None:
    """Refuse images whose channels come first: they would pass for wide ones of many channels."""
    for name in ("train_images", "val_images", "test_images"):
        shape = arrays[name].shape if name in arrays else ()
        if len(shape) == 4 and shape[1] in (1, 3) and shape[2] == shape[3] > 3:
            raise DataError(
                f"{file}: {name} has the shape {shape}, so its channels seem to come first; they "
                "must come last: images.transpose(0, 2, 3, 1)"
            )


def _multi_label(
    arrays: Mapping[str, npt.NDArray[Any]],
    file: Path,
    *,
    fraction: float,
    seed: int,
    mirrors: bool,
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
        is_mirrorable=mirrors,
    )


def _labelled(arrays: Mapping[str, npt.NDArray[Any]], word: str, file: Path) -> Split:
    labels = arrays[f"{word}_labels"]
    if not np.isin(labels, (0, 1)).all():
        raise DataError(f"{file}: {word}_labels have two dimensions, so they must be 0 or 1")
    return Split(_images(arrays[f"{word}_images"]), labels.astype(np.float32))


def _images(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return images (N, H, W, C), floats in single precision."""
    if np.issubdtype(images.dtype, np.floating):
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
    return tuple(str(name) for name in names)


def _read(file: Path) -> dict[str, npt.NDArray[Any]]:
    if not file.is_file():
        raise DataError(f"data.path: there is no file {file.absolute()}; give an .npz file")
    try:
        with file.open("rb") as opened:
            content = np.load(opened, allow_pickle=False)
            if isinstance(content, np.ndarray):
                raise DataError(f"{file} holds a single array; write one with numpy.savez")
            arrays = {name: content[name] for name in content.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{file} cannot be read as .npz ({error}); "
            "write it with numpy.savez, without Python objects"
        ) from error
    missing = [name for name in _REQUIRED if name not in arrays]
    if ("val_images" in arrays) != ("val_labels" in arrays):
        missing.extend(name for name in _OPTIONAL if name not in arrays)
    if missing:
        found = nearest_first(missing[0], arrays) or "none"
        raise DataError(f"{file} has no array {', '.join(missing)}; found: {found}")
    return arrays


def _split(arrays: Mapping[str, npt.NDArray[Any]], word: str, file: Path) -> Split:
    labels = arrays[f"{word}_labels"]
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if np.issubdtype(labels.dtype, np.integer):
        labels = labels.astype(np.int64)
    split = Split(_images(arrays[f"{word}_images"]), np.ascontiguousarray(labels))
    check_split(split, where=f"{file}: {word}_images/{word}_labels")
    return split
