"""Handwritten digits: 1,797 real 8x8 images that come with scikit-learn, so nothing is downloaded.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998.
"""

import numpy as np

from nas.data.dataset import Dataset, Split

_PART_OF_PLACE = np.array([0, 1, 0, 2])  # 0 train, 1 validation, 2 test


def load_digits() -> Dataset:
    """Return the digits: 901 to train, 451 to validate, 445 to test.

    The j-th image of a class, in the order of the file, goes to train for even j, to validation
    for j = 1, 5, 9, ... and to test for j = 3, 7, 11, ...: the same share of each class, and of
    each stretch of the file, without chance. Grey values are scaled from 0..16 to 0..1.
    """
    from sklearn.datasets import load_digits as load_from_sklearn  # takes seconds to import

    raw = load_from_sklearn()
    labels = raw.target.astype(np.int64)
    everything = Split((raw.images / 16.0).astype(np.float32)[..., None], labels)
    train, validation, test = (
        everything.take(np.flatnonzero(split_of_digits(labels) == part)) for part in range(3)
    )
    return Dataset(
        name="digits",
        train=train,
        validation=validation,
        test=test,
        class_names=tuple(str(digit) for digit in range(10)),
        split_rule=(
            "the j-th image of a class goes to validation if j % 4 == 1, to test if j % 4 == 3, "
            "else to train"
        ),
    )


def split_of_digits(labels: np.ndarray[tuple[int], np.dtype[np.int64]]) -> np.ndarray:
    """Return 0, 1 or 2 (train, validation, test) for each image, by its place within its class."""
    part = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        part[members] = _PART_OF_PLACE[np.arange(len(members)) % 4]
    return part
