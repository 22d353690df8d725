"""CIFAR-10 from mosaics to a data set."""

import numpy as np
import pytest
from PIL import Image

from experiments.cifar10.convert import COLUMNS, ROWS, SIDE, averaged, convert, main
from nas.data.npz import load_npz
from nas.errors import DataError


@pytest.fixture
def mosaics(tmp_path):
    """Pictures whose every tile has its own number in its first pixel."""
    number = ROWS * COLUMNS
    places = np.arange(number)
    for name in ("train_00", "test_00"):
        tiles = np.zeros((number, SIDE, SIDE, 3), dtype=np.uint8)
        tiles[:, 0, 0, 0], tiles[:, 0, 0, 1] = places % 256, places // 256
        mosaic = tiles.reshape(ROWS, COLUMNS, SIDE, SIDE, 3).transpose(0, 2, 1, 3, 4)
        picture = Image.fromarray(mosaic.reshape(ROWS * SIDE, COLUMNS * SIDE, 3))
        picture.save(tmp_path / f"cifar10_{name}.webp", lossless=True)
    labels = dict.fromkeys(("train_00", "train_01", "test_00"), places % 10)
    np.savez(tmp_path / "labels.npz", classes=[f"thing {i}" for i in range(10)], **labels)
    return tmp_path


def test_a_mosaic_is_taken_apart_row_by_row(mosaics):
    images = convert(mosaics)["train_images"]

    assert images.shape == (5000, 32, 32, 3)
    np.testing.assert_array_equal(
        images[:, 0, 0, 0] + 256 * images[:, 0, 0, 1].astype(int), range(5000)
    )


def test_the_converted_file_is_a_data_set(mosaics, capsys):
    assert main([str(mosaics), str(mosaics / "c.npz")]) == 0

    data = load_npz(str(mosaics / "c.npz"), validation_fraction=0.1)
    assert {word: len(split) for word, split in data.splits().items()} == {
        "train": 4500,
        "validation": 500,
        "test": 5000,
    }
    assert data.class_names[3] == "thing 3"
    assert "train_images: (5000, 32, 32, 3) uint8" in capsys.readouterr().out


def test_a_smaller_side_averages_squares():
    image = np.zeros((1, SIDE, SIDE, 3), dtype=np.uint8)
    image[0, :2, :2, 0] = [[10, 20], [30, 41]]

    smaller = averaged(image, side=16)

    assert smaller.shape == (1, 16, 16, 3)
    assert smaller[0, 0, 0].tolist() == [25, 0, 0]
    assert smaller.sum() == 25


def test_a_side_that_does_not_divide_is_refused(mosaics):
    with pytest.raises(SystemExit, match="must divide 32, but got 20"):
        convert(mosaics, side=20)


def test_names_that_do_not_fit_the_classes_are_refused(tmp_path):
    images, labels = np.zeros((4, 2, 2), dtype=np.uint8), np.array([0, 1, 0, 1])
    arrays = {
        f"{s}_{what}": a
        for s in ("train", "test")
        for what, a in (("images", images), ("labels", labels))
    }
    np.savez(tmp_path / "x.npz", class_names=["only one"], **arrays)

    with pytest.raises(DataError, match="one name for each"):
        load_npz(str(tmp_path / "x.npz"))
