"""A data set as one frozen value: images, labels, and which of them train, judge and test.

Loaders (`digits`, `npz`, `image_folder`) return a `Dataset`. The search is handed its
`search_data()`, in which the test split does not exist: what a worker never receives, it cannot
look at.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nas.data.copies import Names
from nas.data.findings import NOTHING_FOUND, Findings
from nas.data.normalisation import Images, Normalisation, normalisation_of
from nas.data.picture import DecodeSettings
from nas.data.streamed import StreamedImages
from nas.errors import DataError
from nas.planning.image_decisions import NOTHING_DECIDED, ImageDecisions
from nas.task import DataShape, Task

# N images, H height, W width, C channels


Labels: TypeAlias = npt.NDArray[np.int64]

_MAX_CHANNELS = 16
_BLOCK = 1024  # examples


@dataclass(frozen=True)
class Split:
    """Images and their classes.

    Attributes:
        images: (N, H, W, C), uint8 or float32; those that stay on disk look alike.
        labels: (N,) class of each image, 0 to K-1.
        digests: (N, 16) of each image as it is stored; None where its numbers are all there is.
    """

    images: Images | StreamedImages
    labels: Labels
    digests: npt.NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: npt.NDArray[np.int64]) -> "Split":
        """Return the images at `indices`, copied; those on disk stay there."""
        labels = self.labels[indices]
        digests = None if self.digests is None else self.digests[indices]
        if isinstance(self.images, StreamedImages):
            return Split(self.images.subset(indices), labels, digests)
        return Split(self.images[indices], labels, digests)

    def content(self) -> Iterator[bytes]:
        """Yield what tells these examples from others, a block at a time.

        The numbers as they are prepared for training, then the labels; of images on disk a hash of
        each image's pixels.
        """
        numbers = self.images.hashes if isinstance(self.images, StreamedImages) else self.images
        for array in (numbers, self.labels):
            for start in range(0, len(array), _BLOCK):
                yield array[start : start + _BLOCK].tobytes()

    def joined(self, other: "Split") -> "Split":
        """Return the images of both, whose digests nobody asks for."""
        labels = np.concatenate([self.labels, other.labels])
        if isinstance(self.images, StreamedImages) and isinstance(other.images, StreamedImages):
            return Split(self.images.joined(other.images), labels)
        return Split(np.concatenate([self.images, other.images]), labels)


@dataclass(frozen=True)
class SearchData:
    """What a search may see of a data set: no test split.

    Attributes:
        name: for people and records.
        train: what models learn from.
        validation: what they are judged by.
        normalisation: of the training images alone.
        num_classes: number of classes, or of outputs.
        is_mirrorable: a mirrored image keeps its class.
        task: what outputs are trained and judged by; None where they tell classes apart.
    """

    name: str
    train: Split
    validation: Split
    normalisation: Normalisation
    num_classes: int
    is_mirrorable: bool = False
    task: Task | None = None

    @property
    def shape(self) -> DataShape:
        """What models must fit."""
        _, height, width, channels = self.train.images.shape
        return DataShape((channels, height, width), self.num_classes)


class ThreeSplits(ABC):
    """What data of every kind are: three fixed splits, of which a search sees two.

    Attributes:
        name: for people and records.
        train: what models learn from.
        validation: what the search judges them by.
        test: opened once, for confirmed winners.
        split_rule: one sentence that says how the splits were drawn.
        normalisation: computed from `train` alone.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    split_rule: str
    normalisation: Normalisation

    @abstractmethod
    def search_data(self) -> SearchData:
        """Return what the search may see."""

    @property
    def shape(self) -> DataShape:
        """What models must fit."""
        return self.search_data().shape

    def splits(self) -> dict[str, Split]:
        """Return the three splits by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def final_data(self) -> SearchData:
        """Return what the last training of winners may see.

        It learns from train and validation together, and is judged by the test split: opening that
        ends the search.
        """
        return replace(
            self.search_data(), train=self.train.joined(self.validation), validation=self.test
        )

    def describe(self) -> dict[str, object]:
        """Return what a record keeps: sizes, shape, split rule, normalisation."""
        return {
            "name": self.name,
            "input_shape": list(self.shape.input_shape),
            "num_images": {word: len(split) for word, split in self.splits().items()},
            "is_streamed": isinstance(self.train.images, StreamedImages),
            "split_rule": self.split_rule,
            "mean": list(self.normalisation.mean),
            "std": list(self.normalisation.std),
        }


@dataclass(frozen=True)
class Dataset(ThreeSplits):
    """A classified set of images with three fixed, disjoint splits.

    Attributes:
        name: for people and records.
        train: what models learn from.
        validation: what the search judges them by.
        test: opened once, for confirmed winners.
        class_names: one for each class, in the order of the labels.
        split_rule: one sentence that says how the splits were drawn.
        is_mirrorable: a mirrored image keeps its class.
        skipped: what could not be read and was left out, a line each.
        findings: what the loader saw beside the pixels.
        stored: how image files became images; None where they came as arrays.
        decided: what the loader decided of the images.
        test_names: what the images of `test` are called; None where they came as arrays.
        normalisation: computed from `train` alone.

    Raises:
        DataError: the splits are empty, do not fit each other, or hold NaN or infinite values.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]
    split_rule: str
    is_mirrorable: bool = False
    skipped: tuple[str, ...] = ()
    findings: Findings = NOTHING_FOUND
    stored: DecodeSettings | None = None
    decided: ImageDecisions = NOTHING_DECIDED
    test_names: Names | None = None
    normalisation: Normalisation = field(init=False)

    def __post_init__(self) -> None:
        for word, split in self.splits().items():
            check_split(split, where=f"{self.name}: the {word} split")
        _check_together(self.name, self.splits(), len(self.class_names))
        object.__setattr__(self, "normalisation", normalisation_of(self.train.images))

    def search_data(self) -> SearchData:
        """Return what the search may see."""
        return SearchData(
            name=self.name,
            train=self.train,
            validation=self.validation,
            normalisation=self.normalisation,
            num_classes=len(self.class_names),
            is_mirrorable=self.is_mirrorable,
        )

    def describe(self) -> dict[str, object]:
        """Return what a record keeps, the classes and what was left out among it."""
        return {
            **super().describe(),
            "classes": list(self.class_names),
            "skipped": list(self.skipped),
            **self.findings.describe(),
        }


def check_split(split: Split, *, where: str) -> None:
    """Refuse images or labels that cannot be trained on.

    Raises:
        DataError: `where` names them in the message.
    """
    check_images(split.images, where)
    _check_labels(split.labels, where)
    check_lengths(split, where=where, one="image", other="label")


def check_lengths(split: Split, *, where: str, one: str, other: str) -> None:
    """Refuse images (inputs) without labels (targets), and the other way round.

    Raises:
        DataError: `where`, and what `one` and the `other` are called, are in the message.
    """
    if len(split.images) != len(split.labels):
        raise DataError(
            f"{where} has {len(split.images)} {one}s and {len(split.labels)} {other}s; "
            f"give one {other} for each {one}"
        )


def check_images(images: Images | StreamedImages, where: str) -> None:
    """Refuse images that cannot be computed on.

    Raises:
        DataError: `where` names them in the message.
    """
    if images.dtype not in (np.uint8, np.float32):
        raise DataError(
            f"{where} has images of type {images.dtype}; convert them to uint8 or float32"
        )
    if images.ndim != 4 or not _has_channels_last(images.shape):
        raise DataError(
            f"{where} has images of shape {images.shape}; give (N, height, width) or "
            f"(N, height, width, channels) with 1 to {_MAX_CHANNELS} channels, channels last"
        )
    if 0 in images.shape:
        raise DataError(f"{where} is empty: shape {images.shape}; give at least one image a class")
    if isinstance(images, StreamedImages) or images.dtype == np.uint8:
        return
    if not np.isfinite(images).all():
        bad = np.flatnonzero(~np.isfinite(images).all(axis=(1, 2, 3)))
        raise DataError(
            f"{where} has NaN or infinite values in {len(bad)} images, "
            f"the first at index {bad[0]}; remove or repair them"
        )


def _has_channels_last(shape: tuple[int, ...]) -> bool:
    # A row of numbers (height and width 1) may be as long as it likes.
    return shape[1:3] == (1, 1) or 1 <= shape[3] <= _MAX_CHANNELS


def _check_labels(labels: Labels, where: str) -> None:
    if not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            f"{where} has labels of type {labels.dtype}; give whole numbers from 0 to classes - 1"
        )
    if labels.ndim != 1:
        raise DataError(
            f"{where} has labels of shape {labels.shape}; "
            "give one whole number for each image, shape (N,)"
        )


def _check_together(name: str, splits: dict[str, Split], num_classes: int) -> None:
    if num_classes < 2:
        raise DataError(f"{name} has {num_classes} class; a classifier needs at least 2")
    shapes = {word: split.images.shape[1:] for word, split in splits.items()}
    types = {word: str(split.images.dtype) for word, split in splits.items()}
    for what, values in (("shape", shapes), ("type", types)):
        if len(set(values.values())) > 1:
            raise DataError(f"{name}: the images of the splits differ in {what}: {values}")
    check_classes(splits["train"].labels, num_classes=num_classes, where=f"{name}: train")
    for word, split in splits.items():
        out = np.setdiff1d(split.labels, np.arange(num_classes))
        if len(out):
            raise DataError(
                f"{name}: the {word} split has labels {_listed(out)}; "
                f"allowed are 0 to {num_classes - 1}, the classes of train"
            )


def check_classes(labels: Labels, *, num_classes: int, where: str) -> None:
    """Refuse labels that are not exactly 0 to `num_classes` - 1.

    Raises:
        DataError: some are out of range, or a class has no image.
    """
    if len(labels) and labels.min() < 0:
        raise DataError(f"{where} has the label {labels.min()}; labels start at 0")
    present = np.unique(labels)
    # No array of all classes: a label may be as large as a serial number.
    absent = np.setdiff1d(np.arange(min(num_classes, len(present) + 8)), present)
    if absent.tolist() == [0]:
        raise DataError(
            f"{where} has the labels 1 to {num_classes - 1}; labels start at 0: subtract 1 in all "
            "splits"
        )
    if len(absent):
        raise DataError(
            f"{where} has no image of class {_listed(absent)} of 0 to {num_classes - 1}; "
            "number the classes from 0 without a gap, and give each some images"
        )


def _listed(values: npt.NDArray[np.int64], limit: int = 8) -> str:
    words = ", ".join(str(value) for value in values[:limit])
    return words + (f" and {len(values) - limit} more" if len(values) > limit else "")


def class_names(labels: Sequence[int] | Labels) -> tuple[str, ...]:
    """Return '0' to 'K-1' for labels that have no names of their own."""
    return tuple(str(index) for index in range(int(np.max(labels)) + 1)) if len(labels) else ()
