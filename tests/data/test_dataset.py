"""A data set refuses what cannot be trained on, and never shows its test split to a search."""

import pickle

import numpy as np
import pytest

from nas.data.dataset import Dataset, Split
from nas.errors import DataError


def a_split(*, labels=(0, 1), images=None):
    if images is None:
        images = np.zeros((len(labels), 4, 4, 1), np.float32)
    return Split(images, np.asarray(labels))


def a_dataset(**splits):
    parts = {name: splits.get(name, a_split()) for name in ("train", "validation", "test")}
    return Dataset(name="mine", **parts, class_names=("a", "b"), split_rule="by hand")


def test_normalisation_is_that_of_the_training_images_alone():
    train = a_split(
        images=np.stack([np.full((2, 2, 1), 1.0), np.full((2, 2, 1), 3.0)]).astype("f4")
    )
    far = a_split(images=np.full((2, 2, 2, 1), 1000.0, np.float32))
    data = a_dataset(train=train, validation=far, test=far)
    assert data.normalisation.mean == pytest.approx((2.0,))
    assert data.normalisation.std == pytest.approx((1.0,))


def test_normalisation_equals_numpys_on_more_images_than_one_block():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2500, 3, 5, 2), dtype=np.uint8)
    part = a_split(labels=np.arange(2500) % 2, images=images)
    data = a_dataset(train=part, validation=part, test=part)
    assert data.normalisation.mean == pytest.approx(images.mean(axis=(0, 1, 2)))
    assert data.normalisation.std == pytest.approx(images.std(axis=(0, 1, 2)))


def test_a_constant_channel_is_not_divided_by_zero():
    assert a_dataset().normalisation.std == (1.0,)


def test_the_data_of_a_search_holds_no_test_image():
    marked = np.full((2, 4, 4, 1), 12345.678, np.float32)
    data = a_dataset(test=a_split(images=marked))
    assert marked.tobytes() in pickle.dumps(data)
    assert marked.tobytes() not in pickle.dumps(data.search_data())


def test_the_final_data_trains_on_both_splits_and_is_judged_by_the_test():
    data = a_dataset(test=a_split(images=np.ones((2, 4, 4, 1), np.float32)))
    final = data.final_data()
    assert len(final.train) == 4
    assert final.validation is data.test
    assert final.normalisation == data.normalisation


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"train": a_split(images=np.zeros((2, 4, 4, 1), np.int64))}, "type int64; convert"),
        ({"train": a_split(images=np.zeros((2, 4, 4, 32), np.uint8))}, "channels last"),
        ({"train": a_split(images=np.zeros((2, 4), np.uint8))}, r"shape \(2, 4\)"),
        ({"train": a_split(labels=np.zeros(0, int))}, "the train split is empty"),
        ({"test": a_split(images=np.full((2, 4, 4, 1), np.nan, np.float32))}, "NaN or infinite"),
        ({"train": a_split(labels=[0.0, 1.0])}, "labels of type float64"),
        ({"train": a_split(labels=[[0, 1]] * 2)}, r"labels of shape \(2, 2\)"),
        ({"train": Split(np.zeros((3, 4, 4, 1), np.float32), np.array([0, 1]))}, "3 images and 2"),
        ({"train": a_split(labels=[0, 0])}, "no image of class 1 of 0 to 1"),
        ({"train": a_split(labels=[-1, 0, 1])}, "the label -1; labels start at 0"),
        ({"test": a_split(labels=[0, 7])}, "the test split has labels 7; allowed are 0 to 1"),
        ({"test": a_split(images=np.zeros((2, 5, 4, 1), np.float32))}, "differ in shape"),
        ({"test": a_split(images=np.zeros((2, 4, 4, 1), np.uint8))}, "differ in type"),
    ],
)
def test_an_unfit_split_is_refused_by_name(splits, message):
    with pytest.raises(DataError, match=message):
        a_dataset(**splits)


def test_a_single_class_is_refused():
    part = a_split(labels=[0, 0])
    with pytest.raises(DataError, match="mine has 1 class; a classifier needs at least 2"):
        Dataset(
            name="mine", train=part, validation=part, test=part, class_names=("a",), split_rule=""
        )
