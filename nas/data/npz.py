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
from nas.errors import DataError, nearest_first

_REQUIRED = ("train_images", "train_labels", "test_images", "test_labels")
_OPTIONAL = ("val_images", "val_labels")


def load_npz(
    path: str,
    *,
    validation_fraction: float = 0.2,
    split_seed: int = 0,
    is_mirrorable: bool = False,
) -> Dataset:
    """Return the images of an `.npz` file.

    Args:
        path: the file; images are (N, H, W) or (N, H, W, C), uint8 or float; labels are (N,) whole
            numbers.
        validation_fraction: share of each class of train that is held out where the file has no
            `val_images`.
        split_seed: of that draw.
        is_mirrorable: a mirrored image keeps its class.

    Raises:
        DataError: the file or an array in it is missing, unreadable or unfit.
    """
    file = Path(path)
    arrays = _read(file)
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
    images, labels = arrays[f"{word}_images"], arrays[f"{word}_labels"]
    if np.issubdtype(images.dtype, np.floating):
        images = images.astype(np.float32)
    if images.ndim == 3:
        images = images[..., None]
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if np.issubdtype(labels.dtype, np.integer):
        labels = labels.astype(np.int64)
    split = Split(np.ascontiguousarray(images), np.ascontiguousarray(labels))
    check_split(split, where=f"{file}: {word}_images/{word}_labels")
    return split
