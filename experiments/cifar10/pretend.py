"""Made-up images in the place of CIFAR-10, for small forms: each class has a brightness."""

from pathlib import Path

import numpy as np
from PIL import Image

from experiments.cifar10.convert import COLUMNS, ROWS, SIDE, save_arrays

CLASSES = [f"class {number}" for number in range(10)]


def write_images(path: Path, *, side: int, num_train: int, num_test: int) -> Path:
    """Write a file like those of `convert`, with so many images."""
    arrays = {"class_names": np.array(CLASSES)}
    for split, number in (("train", num_train), ("test", num_test)):
        arrays[f"{split}_labels"] = np.arange(number) % len(CLASSES)
        arrays[f"{split}_images"] = _images(arrays[f"{split}_labels"], side)
    save_arrays(path, arrays)
    return path


def write_mosaics(folder: Path) -> Path:
    """Write a folder for `convert`, of one picture for each split."""
    folder.mkdir()
    labels = np.arange(ROWS * COLUMNS) % len(CLASSES)
    tiles = _images(labels, SIDE).reshape(ROWS, COLUMNS, SIDE, SIDE, 3)
    mosaic = Image.fromarray(
        tiles.transpose(0, 2, 1, 3, 4).reshape(ROWS * SIDE, COLUMNS * SIDE, 3)
    )
    for name in ("train_00", "test_00"):
        mosaic.save(folder / f"cifar10_{name}.webp", lossless=True, quality=0, method=0)
    save_arrays(
        folder / "labels.npz",
        {"classes": np.array(CLASSES), "train_00": labels, "test_00": labels},
    )
    return folder


def _images(labels: np.ndarray, side: int) -> np.ndarray:
    """Return images (N, side, side, 3), uint8, with a little noise."""
    noise = np.random.default_rng(0).integers(8, size=(len(labels), side, side, 1))
    grey = (20 * labels[:, None, None, None] + noise).astype(np.uint8)
    return np.repeat(grey, 3, axis=3)
