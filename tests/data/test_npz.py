"""A user's arrays: what is read, and what each fault is told as."""

import numpy as np
import pytest

from nas.data.npz import load_npz
from nas.errors import DataError


def arrays(**changes):
    rng = np.random.default_rng(0)
    content = {
        "train_images": rng.integers(0, 256, (20, 6, 5, 3), dtype=np.uint8),
        "train_labels": np.arange(20) % 2,
        "test_images": rng.integers(0, 256, (8, 6, 5, 3), dtype=np.uint8),
        "test_labels": np.arange(8) % 2,
    }
    content.update(changes)
    return {name: array for name, array in content.items() if array is not None}


def written(tmp_path, **changes):
    path = tmp_path / "mine.npz"
    np.savez(path, **arrays(**changes))
    return str(path)


def test_validation_is_held_out_of_each_class_of_train(tmp_path):
    data = load_npz(written(tmp_path), validation_fraction=0.3)
    assert data.shape.input_shape == (3, 6, 5)
    assert np.bincount(data.validation.labels).tolist() == [3, 3]
    assert len(data.train) == 14
    whole = {image.tobytes() for image in arrays()["train_images"]}
    halves = [*data.train.images, *data.validation.images]
    assert {image.tobytes() for image in halves} == whole
    np.testing.assert_array_equal(data.test.images, arrays()["test_images"])


def test_the_files_own_validation_split_is_taken(tmp_path):
    own = {"val_images": arrays()["test_images"][:4], "val_labels": np.array([0, 1, 0, 1])}
    data = load_npz(written(tmp_path, **own))
    assert len(data.train) == 20
    np.testing.assert_array_equal(data.validation.images, own["val_images"])


def test_grey_float_images_and_column_labels_are_taken(tmp_path):
    data = load_npz(
        written(
            tmp_path,
            train_images=np.linspace(0, 1, 20 * 16).reshape(20, 4, 4),
            train_labels=(np.arange(20, dtype=np.uint8) % 2)[:, None],
            test_images=np.zeros((8, 4, 4)),
        )
    )
    assert data.train.images.dtype == np.float32
    assert data.shape.input_shape == (1, 4, 4)
    assert data.train.labels.dtype == np.int64


def test_a_single_1_in_every_row_is_a_class(tmp_path):
    rows = np.eye(2)
    one_hot = {"train_labels": rows[np.arange(20) % 2], "test_labels": rows[np.arange(8) % 2]}

    data = load_npz(written(tmp_path, **one_hot))

    assert data.test.labels.tolist() == [0, 1] * 4
    assert data.class_names == ("0", "1")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_labels": None}, "has no array test_labels; found: test_images"),
        ({"val_images": np.zeros((2, 6, 5, 3), np.uint8)}, "has no array val_labels"),
        ({"train_images": np.zeros((20, 3, 32, 32), np.uint8)}, "must come last: .*transpose"),
        (
            {"test_images": np.zeros((8, 1, 8, 8), np.uint8)},
            "test_images has the shape .*come first",
        ),
        ({"train_images": np.zeros((20, 5, 32, 32), np.uint8)}, "channels last"),
        ({"train_labels": np.arange(20) % 2 + 1}, "the labels 1 to 2; .*subtract 1 in all splits"),
        (
            {"train_labels": np.array(["cat", "dog"] * 10)},
            "labels of type <U3; give whole numbers",
        ),
        ({"test_images": np.zeros((8, 6, 5, 3))}, "differ in type: .*'test': 'float32'"),
        ({"train_images": np.zeros((20, 6, 5, 3), np.int32)}, "type int32; convert them to uint8"),
        ({"train_images": np.full((20, 6, 5, 3), np.inf)}, "NaN or infinite values in 20 images"),
        ({"train_labels": np.arange(19) % 2}, "20 images and 19 labels"),
        ({"train_labels": np.arange(20) / 2}, "labels of type float64; give whole numbers"),
        ({"train_labels": np.arange(20) % 2 * 2}, "no image of class 1 of 0 to 2"),
        ({"train_labels": np.zeros(20, int)}, "has 1 class; a classifier needs at least 2"),
        ({"train_labels": np.arange(20) % 2 - 1}, "has the label -1; labels start at 0"),
        ({"train_labels": np.r_[np.zeros(19, int), 1]}, "class 1 has 1 images, too few"),
        ({"test_labels": np.arange(8) % 3}, "the test split has labels 2; allowed are 0 to 1"),
        ({"test_images": np.zeros((8, 9, 9, 3), np.uint8)}, "differ in shape"),
        (
            {"train_images": np.zeros((0, 6, 5, 3), np.uint8), "train_labels": np.zeros(0, int)},
            "train_images/train_labels is empty",
        ),
        ({"train_labels": np.array([{}] * 20)}, "without Python objects"),
    ],
)
def test_each_fault_of_an_array_is_named(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        load_npz(written(tmp_path, **changes))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"there is no file .*absent\.npz"):
        load_npz(str(tmp_path / "absent.npz"))


def test_a_cut_file_is_refused(tmp_path):
    path = tmp_path / "mine.npz"
    whole = written(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"cannot be read as \.npz"):
        load_npz(whole)


def test_a_single_array_is_refused(tmp_path):
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(DataError, match=r"holds a single array; write one with numpy\.savez"):
        load_npz(str(tmp_path / "one.npy"))
