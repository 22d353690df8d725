"""What should one know of a data set before searching on it? Balance, copies, what was left out.

Copies of training images among those of test or validation make networks look better than they
are; equal means equal in every pixel.
"""

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from nas.data.dataset import Dataset, Split
from nas.data.normalisation import Normalisation, normalisation_of
from nas.data.scan import hash_of
from nas.data.streamed import StreamedImages

# Splits whose numbers differ in size by more than this factor were not scaled alike.
_OTHER_SCALE = 10.0

# A class this much rarer than the most frequent one is worth a word, and perhaps a weight.
IMBALANCE = 3.0


@dataclass(frozen=True)
class DataReport:
    """What is worth knowing of a data set.

    Attributes:
        class_counts: split -> images of each class, in the order of the classes; of several labels
            an image, images that have each.
        imbalance: the most frequent class of train over its rarest.
        num_repeated: images of train that are copies of an earlier one.
        num_copies: split -> images that stand in train as well.
        num_contradictions: split -> those of them that have another label there.
        num_skipped: images that could not be read and were left out.
        num_broken: those of them that are broken; the others are of a kind that is not read.
        scales: split whose numbers are of another size than those of train -> how many times
            larger.
    """

    class_counts: dict[str, tuple[int, ...]]
    imbalance: float
    num_repeated: int
    num_copies: dict[str, int]
    num_contradictions: dict[str, int]
    num_skipped: int
    num_broken: int
    scales: dict[str, float]

    def warnings(self) -> list[str]:
        """Return a line for each thing that makes results doubtful."""
        lines = []
        if self.imbalance >= IMBALANCE:
            lines.append(
                f"the rarest class has {self.imbalance:.3g} times fewer training images than the "
                "most frequent; training.class_weights=balanced weighs them alike"
            )
        for word, number in self.num_copies.items():
            if number:
                other = self.num_contradictions[word]
                also = f" ({other} with another label)" if other else ""
                place = f"of the {word} split"
                stand = f"images {place} stand" if number > 1 else f"image {place} stands"
                lines.append(
                    f"{number} {stand} in train as well{also}; remove copies, or accuracy is told "
                    "too high"
                )
        for word, factor in self.scales.items():
            lines.append(
                f"the numbers of the {word} images are {factor:.3g} times those of train; scale "
                "all splits alike, as 0 to 255 or as 0 to 1"
            )
        return lines


def report_data(data: Dataset) -> DataReport:
    """Look at a data set; reads every pixel once, unless they were read and stay on disk."""
    counts = {word: class_counts(split, len(data.class_names)) for word, split in _splits(data)}
    known: dict[bytes, bytes] = {}
    num_repeated = 0
    for image, label in _hashes(data.train):
        num_repeated += image in known
        known.setdefault(image, label)
    copies, contradictions = Counter[str](), Counter[str]()
    for word in ("validation", "test"):
        for image, label in _hashes(data.splits()[word]):
            copies[word] += image in known
            contradictions[word] += image in known and known[image] != label
    train = counts["train"]
    return DataReport(
        class_counts=counts,
        imbalance=max(train) / max(1, min(train)),
        num_repeated=num_repeated,
        num_copies={word: copies[word] for word in ("validation", "test")},
        num_contradictions={word: contradictions[word] for word in ("validation", "test")},
        num_skipped=len(data.skipped),
        num_broken=len(data.skipped) - len(data.findings.images_left_out()),
        scales=_other_scales(data),
    )


def _other_scales(data: Dataset) -> dict[str, float]:
    ours = _size_of_numbers(data.normalisation)
    theirs = {
        word: _size_of_numbers(normalisation_of(data.splits()[word].images))
        for word in ("validation", "test")
    }
    return {
        word: size / ours
        for word, size in theirs.items()
        if min(ours, size) > 0 and not 1 / _OTHER_SCALE < size / ours < _OTHER_SCALE
    }


def _size_of_numbers(found: Normalisation) -> float:
    """Return the root of the mean square of all numbers."""
    squares = [m**2 + s**2 for m, s in zip(found.mean, found.std, strict=True)]
    return math.sqrt(sum(squares) / len(squares))


def class_counts(split: Split, num_classes: int) -> tuple[int, ...]:
    """Return how many images each class has."""
    if split.labels.ndim == 2:
        return tuple(int(count) for count in split.labels.sum(axis=0))
    return tuple(int(count) for count in np.bincount(split.labels, minlength=num_classes))


def _splits(data: Dataset) -> list[tuple[str, Split]]:
    return list(data.splits().items())


def _hashes(split: Split) -> list[tuple[bytes, bytes]]:
    if isinstance(split.images, StreamedImages):
        images = [row.tobytes() for row in split.images.hashes]
    else:
        images = [hash_of(image) for image in split.images]
    return [(i, label.tobytes()) for i, label in zip(images, split.labels, strict=True)]
