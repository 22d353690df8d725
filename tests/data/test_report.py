import numpy as np
import pytest

from nas.data.dataset import Dataset, Split
from nas.data.report import report_data


def split(greys, labels):
    images = np.zeros((len(greys), 2, 2, 1), dtype=np.uint8)
    images[:, 0, 0, 0] = greys
    return Split(images, np.array(labels))


def dataset(train, validation, test, **settings):
    return Dataset("d", train, validation, test, ("a", "b"), "by hand", **settings)


def test_copies_between_the_splits_are_counted_and_so_are_other_labels_of_theirs():
    data = dataset(
        train=split([1, 2, 3, 3], [0, 1, 0, 0]),
        validation=split([1, 9], [0, 1]),
        test=split([2, 3, 8], [0, 0, 1]),
    )

    report = report_data(data)

    assert report.num_repeated == 1
    assert report.num_copies == {"validation": 1, "test": 2}
    assert report.num_contradictions == {"validation": 0, "test": 1}
    assert any("2 images of the test split stand in train" in w for w in report.warnings())
    assert any("(1 with another label)" in w for w in report.warnings())


def test_the_balance_of_classes_is_told():
    data = dataset(
        train=split(range(9), [0] * 6 + [1] * 3),
        validation=split([20, 21], [0, 1]),
        test=split([30, 31], [0, 1]),
    )

    report = report_data(data)

    assert report.class_counts == {"train": (6, 3), "validation": (1, 1), "test": (1, 1)}
    assert report.imbalance == 2.0
    assert report.warnings() == []


def test_a_rare_class_is_worth_a_word():
    data = dataset(
        train=split(range(9), [0] * 8 + [1]),
        validation=split([20, 21], [0, 1]),
        test=split([30, 31], [0, 1]),
    )

    [warning] = report_data(data).warnings()

    assert "8 times fewer" in warning
    assert "class_weights=balanced" in warning


def test_splits_that_are_scaled_otherwise_are_told():
    def scaled(factor, labels):
        images = np.linspace(0, factor, len(labels) * 4, dtype=np.float32).reshape(-1, 2, 2, 1)
        return Split(images, np.array(labels))

    data = dataset(
        train=scaled(255, [0, 1] * 4), validation=scaled(128, [0, 1]), test=scaled(1, [0, 1] * 4)
    )

    report = report_data(data)

    assert report.scales == {"test": pytest.approx(1 / 255, rel=1e-4)}
    assert any("test images are 0.00392 times those of train" in w for w in report.warnings())


def test_what_a_record_keeps_says_how_images_are_normalised_and_what_is_left_out():
    data = dataset(
        train=split([0, 255], [0, 1]),
        validation=split([20, 21], [0, 1]),
        test=split([30, 31], [0, 1]),
        skipped=("x.png: broken",),
    )

    record = data.describe()

    assert record["mean"] == pytest.approx([255 / 8])  # of train alone: one bright pixel of eight
    assert record["skipped"] == ["x.png: broken"]
