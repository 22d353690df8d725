"""Makes one `.npz` of a folder of CIFAR-10 mosaics, for `nas search data=cifar10`.

    python -m experiments.cifar10.convert FOLDER cifar10.npz [SIDE [NUM_TRAIN]]

The folder holds `cifar10_train_*.webp` and `cifar10_test_*.webp`, lossless pictures of 50 rows of
100 images each, and `labels.npz` with an array for each of them and the names of the classes.
However many of the pictures are there are taken. With a SIDE of 16 or 8 pixels each image is
made smaller by averaging squares of its pixels; NUM_TRAIN takes the first training images only.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from experiments.smoke import make_parser, run_experiment

ROWS, COLUMNS, SIDE = 50, 100, 32


def main(words: Sequence[str]) -> int:
    """Convert a folder, and say what is in the file."""
    parser = make_parser(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("side", type=int, nargs="?", default=SIDE)
    parser.add_argument("num_train", type=int, nargs="?", default=None)
    options = parser.parse_args(words)
    arrays = convert(options.folder, side=options.side, num_train=options.num_train)
    save_arrays(options.file, arrays)
    for name, array in arrays.items():
        print(f"{name}: {array.shape} {array.dtype}")
    return 0


def convert(
    folder: Path, *, side: int = SIDE, num_train: int | None = None
) -> dict[str, np.ndarray]:
    """Return the arrays that `nas.data.npz` reads.

    Args:
        folder: of the mosaics.
        side: of the images, pixels.
        num_train: training images, the first ones; None for all.
    """
    if SIDE % side:
        raise SystemExit(f"the side must divide {SIDE}, but got {side}; 16 is usual")
    labels = np.load(folder / "labels.npz", allow_pickle=False)
    arrays = {"class_names": labels["classes"]}
    for split, number in (("train", num_train), ("test", None)):
        pictures = sorted(folder.glob(f"cifar10_{split}_*.webp"))
        if not pictures:
            raise SystemExit(f"there is no cifar10_{split}_*.webp in {folder}")
        images = np.concatenate([read_mosaic(path) for path in pictures])
        arrays[f"{split}_images"] = averaged(images[:number], side=side)
        known = [labels[path.stem.removeprefix("cifar10_")] for path in pictures]
        arrays[f"{split}_labels"] = np.concatenate(known)[:number].astype(np.int64)
    return arrays


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an `.npz` file."""
    named: dict[str, Any] = dict(arrays)  # numpy's types would take a name for a setting
    np.savez(path, **named)


def read_mosaic(path: Path) -> np.ndarray:
    """Return the images (5000, 32, 32, 3) of one picture, row by row."""
    pixels: np.ndarray = np.asarray(Image.open(path).convert("RGB"))
    tiles = pixels.reshape(ROWS, SIDE, COLUMNS, SIDE, 3).transpose(0, 2, 1, 3, 4)
    return tiles.reshape(ROWS * COLUMNS, SIDE, SIDE, 3)


def averaged(images: np.ndarray, *, side: int) -> np.ndarray:
    """Return images (N, side, side, 3): each pixel the rounded mean of a square of them."""
    if side == SIDE:
        return images
    edge = SIDE // side
    squares = images.reshape(len(images), side, edge, side, edge, 3)
    smaller: np.ndarray = np.rint(squares.mean(axis=(2, 4))).astype(np.uint8)
    return smaller


def small(folder: Path) -> Iterator[list[str]]:
    """Convert made-up mosaics."""
    from experiments.cifar10.pretend import write_mosaics

    yield [str(write_mosaics(folder / "mosaics")), str(folder / "images.npz"), "16", "100"]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
