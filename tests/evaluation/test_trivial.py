"""Trivial models: what is known of them on data made so that their accuracy is known."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifierCV

from nas.data.dataset import Dataset, Split
from nas.data.digits import load_digits
from nas.evaluation.trivial import linear_classifier, most_frequent_class, trivial_models


def dataset_of(images, labels):
    split = Split(images, labels)
    names = tuple(str(index) for index in range(int(labels.max()) + 1))
    return Dataset("made", split, split, split, names, "all alike")


def test_the_most_frequent_class_is_right_as_often_as_it_occurs():
    labels = np.array([0] * 6 + [1] * 3 + [2], dtype=np.int64)
    data = dataset_of(np.zeros((10, 4, 4, 1), dtype=np.uint8), labels)

    assert most_frequent_class(data, data.validation).accuracy == 0.6


def test_classes_that_a_plane_parts_are_told_apart():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200).astype(np.int64)
    images = rng.integers(0, 60, (200, 6, 6, 3), dtype=np.uint8)
    images[labels == 1, :, :3] += 120  # the left half is bright

    data = dataset_of(images, labels)
    found = linear_classifier(data, data.validation)

    assert found.accuracy == 1.0
    assert found.num_params == 6 * 6 * 3 * 2 + 2
    assert found.size_bytes == 4 * found.num_params


def test_labels_that_pixels_say_nothing_of_are_not_learnt():
    rng = np.random.default_rng(0)
    train, test = (
        Split(
            rng.normal(size=(300, 5, 5, 1)).astype(np.float32),
            rng.permutation(np.arange(300) % 2),
        )
        for _ in range(2)
    )
    data = Dataset("noise", train, test, test, ("a", "b"), "drawn apart")

    # A coin on 300: within 4 deviations of 2.9 points.
    assert linear_classifier(data, data.validation).accuracy == pytest.approx(0.5, abs=0.116)


def test_on_digits_it_is_as_good_as_the_ridge_classifier_of_scikit_learn():
    data = load_digits()
    flat = {word: s.images.reshape(len(s), -1) for word, s in data.splits().items()}
    peer = RidgeClassifierCV(np.logspace(-1, 4, 11)).fit(flat["train"], data.train.labels)
    theirs = (peer.predict(flat["validation"]) == data.validation.labels).mean()

    assert linear_classifier(data, data.validation).accuracy == pytest.approx(theirs, abs=0.02)


def test_large_photographs_are_made_smaller_first():
    images = np.random.default_rng(0).integers(0, 256, (20, 64, 48, 3), dtype=np.uint8)

    data = dataset_of(images, np.arange(20) % 2)
    found = linear_classifier(data, data.validation)

    assert found.name == "linear classifier on 21 x 16 pixels"
    assert found.seconds < 5


def test_both_are_trivial():
    assert {reference.kind for reference in trivial_models(load_digits())} == {"trivial"}


def test_they_are_judged_by_the_split_that_is_asked_for():
    images = np.zeros((10, 4, 4, 1), dtype=np.uint8)
    known = Split(images, np.array([0] * 6 + [1] * 4, dtype=np.int64))
    judges = Split(images, np.array([0] * 2 + [1] * 8, dtype=np.int64))
    data = Dataset("made", known, known, judges, ("a", "b"), "all alike")
    assert trivial_models(data)[0].accuracy == 0.6
    assert trivial_models(data, judges=data.test)[0].accuracy == 0.2
