"""Which test examples does a network get wrong? The matrix of classes, and the surest mistakes.

`confusion.csv`, `mistakes.csv` (all of them) and `mistakes.npz` (the surest, with their pictures)
stand beside the network's files; `nas.report.mistakes` draws them. They are made from the test
split by the shipped weights, after all choices are made.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nas.data.dataset import Dataset
from nas.export.deployable import FloatArray
from nas.export.predict import probabilities_of
from nas.files import write_bytes
from nas.record.confusion import CONFUSION_CSV, confusion_of, write_confusion
from nas.record.rows import write_rows

MISTAKES_NPZ = "mistakes.npz"
_MOST = 24  # mistakes that are kept
_MAX_BYTES = 32_000_000  # of their pictures
_COLOURS = (1, 3)  # channels that can be looked at


@dataclass(frozen=True)
class Mistake:
    """A test example that is told wrong: a row of mistakes.csv.

    Attributes:
        name: its file, or its place in the test split.
        label: its class.
        taken_for: the class that the network is surest of.
        probability: of that class, from 0 to 1.
        probability_of_label: of its own class.
    """

    name: str
    label: str
    taken_for: str
    probability: float
    probability_of_label: float


def write_mistakes(place: Path, logits: FloatArray, dataset: Dataset) -> None:
    """Write the three files.

    Args:
        place: folder of the network's files.
        logits: (N, K) of the test split.
        dataset: what they are of.
    """
    labels, told = dataset.test.labels, logits.argmax(1)
    confusion = confusion_of(told, labels, dataset.class_names)
    write_confusion(place / CONFUSION_CSV, confusion)
    shares = probabilities_of(logits.astype(np.float64))
    mistakes = surest_mistakes(shares, labels)
    write_rows(place / "mistakes.csv", _rows(mistakes, shares, dataset), kind=Mistake)
    surest = mistakes[: _room(dataset)]
    if len(surest) == 0 or not _is_picture(dataset):
        return
    content = io.BytesIO()
    np.savez_compressed(
        content,
        images=_pixels(np.concatenate([dataset.test.images[i : i + 1] for i in surest])),
        name=np.array([_name(dataset, int(i)) for i in surest], dtype=np.str_),
        label=labels[surest],
        told=told[surest],
        share=shares[surest, told[surest]].astype(np.float32),
    )
    write_bytes(place / MISTAKES_NPZ, content.getvalue())


def surest_mistakes(
    shares: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the examples that are told wrong, the most probable wrong class first.

    Args:
        shares: (N, K) probabilities.
        labels: (N,) true classes.
    """
    wrong = np.flatnonzero(shares.argmax(1) != labels)
    order = np.argsort(-shares[wrong].max(1), kind="stable")
    return wrong[order]


def _rows(
    mistakes: npt.NDArray[np.int64], shares: npt.NDArray[np.float64], dataset: Dataset
) -> list[Mistake]:
    names, labels = dataset.class_names, dataset.test.labels
    return [
        Mistake(
            _name(dataset, index),
            names[labels[index]],
            names[int(shares[index].argmax())],
            float(shares[index].max()),
            float(shares[index, labels[index]]),
        )
        for index in mistakes.tolist()
    ]


def _name(dataset: Dataset, index: int) -> str:
    return f"test {index}" if dataset.test_names is None else dataset.test_names[index]


def _room(dataset: Dataset) -> int:
    """Return how many pictures are kept."""
    one = int(np.prod(dataset.test.images.shape[1:]))
    return max(1, min(_MOST, _MAX_BYTES // one))


def _is_picture(dataset: Dataset) -> bool:
    _, height, width, channels = dataset.test.images.shape
    return channels in _COLOURS and height > 1 and width > 1


def _pixels(images: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """Return images of any numbers as 0 to 255, from the smallest to the greatest of each."""
    if images.dtype == np.uint8:
        return np.asarray(images, dtype=np.uint8)
    floats = images.astype(np.float64)
    low, high = (f(axis=(1, 2, 3), keepdims=True) for f in (floats.min, floats.max))
    scaled = 255 * (floats - low) / np.maximum(high - low, 1e-12)
    return np.asarray(scaled.round(), dtype=np.uint8)
