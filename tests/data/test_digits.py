"""The digits: fixed, disjoint, stratified splits of scikit-learn's own images."""

import numpy as np
from sklearn.datasets import load_digits as load_from_sklearn

from nas.data.digits import load_digits, split_of_digits


def test_the_splits_together_are_all_images_once():
    data = load_digits()
    raw = load_from_sklearn()
    ours = np.concatenate([split.images for split in data.splits().values()])
    assert ours.shape == (1797, 8, 8, 1)
    rows = {image.tobytes() for image in (raw.images / 16).astype(np.float32)}
    assert {image.tobytes() for image in ours} == rows
    assert {word: len(split) for word, split in data.splits().items()} == {
        "train": 901,
        "validation": 451,
        "test": 445,
    }


def test_each_class_gives_half_to_train_and_a_quarter_to_the_others():
    data = load_digits()
    for word, share in (("train", 0.5), ("validation", 0.25), ("test", 0.25)):
        counts = np.bincount(data.splits()[word].labels)
        expected = share * np.bincount(load_from_sklearn().target)
        assert np.abs(counts - expected).max() <= 1.0


def test_the_place_within_the_class_decides_the_split():
    parts = split_of_digits(np.array([5, 5, 3, 5, 5, 3, 5]))
    assert parts.tolist() == [0, 1, 0, 0, 2, 1, 0]


def test_loading_twice_gives_the_same_images():
    first, second = load_digits(), load_digits()
    np.testing.assert_array_equal(first.test.images, second.test.images)
    np.testing.assert_array_equal(first.train.labels, second.train.labels)
