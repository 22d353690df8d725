"""Which images are equal, pixel by pixel, and what are they called?"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from nas.data.normalisation import Images
from nas.data.scan import hash_of
from nas.data.streamed import StreamedImages

Hashes = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


class Names(Protocol):
    """What images are called."""

    def __getitem__(self, index: int) -> str:
        """Return the name of one."""
        ...


def hashes_of(images: Images | StreamedImages) -> Hashes:
    """Return 16 bytes for each image (N, 16), which equal images share."""
    if isinstance(images, StreamedImages):
        return images.hashes
    found = [np.frombuffer(hash_of(image), dtype=np.uint8) for image in images]
    return np.stack(found) if found else np.zeros((0, 16), dtype=np.uint8)


def numbered(hashes: Hashes) -> npt.NDArray[np.int64]:
    """Return a number for each image (N,), which equal images share."""
    _, numbers = np.unique(hashes, axis=0, return_inverse=True)
    return numbers.reshape(-1).astype(np.int64)


def copies_across(hashes: Mapping[str, Hashes], names: Mapping[str, Names]) -> tuple[str, ...]:
    """Return 'this = that' for each image that is equal to one of an earlier split.

    Args:
        hashes: split -> hashes of its images, in the order in which splits are compared.
        names: split -> what they are called.
    """
    known: dict[bytes, tuple[str, int]] = {}
    pairs = []
    for word, rows in hashes.items():
        keys = [row.tobytes() for row in rows]
        pairs += [(word, index, known[key]) for index, key in enumerate(keys) if key in known]
        for index, key in enumerate(keys):
            known.setdefault(key, (word, index))
    return tuple(f"{names[word][i]} = {names[of][j]}" for word, i, (of, j) in pairs)


def in_two_classes(
    hashes: Mapping[str, Hashes], labels: Mapping[str, Labels], names: Mapping[str, Names]
) -> tuple[str, ...]:
    """Return 'this = that' for each image that is equal to an earlier one of another class.

    Args:
        hashes: split -> hashes of its images.
        labels: split -> their classes.
        names: split -> what they are called.
    """
    known: dict[bytes, tuple[int, str, int]] = {}
    pairs = []
    for word, rows in hashes.items():
        for index, (row, label) in enumerate(zip(rows, labels[word].tolist(), strict=True)):
            first, of, place = known.setdefault(row.tobytes(), (label, word, index))
            if first != label:
                pairs.append(f"{names[word][index]} = {names[of][place]}")
    return tuple(pairs)
