"""Makes one `.npz` of a folder of CIFAR-10 mosaics, for `nas search data=cifar10`.

    python -m experiments.cifar10.convert FOLDER cifar10.npz [SIDE]

The folder holds `cifar10_train_*.webp` and `cifar10_test_*.webp`, lossless pictures of 50 rows of
100 images each, and `labels.npz` with an array for each of them and the names of the classes.
However many of the pictures are there are taken. With a SIDE of 16 or 8 pixels each image is
made smaller by averaging squares of its pixels.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

ROWS, COLUMNS, SIDE = 50, 100, 32


def main(words: Sequence[str]) -> int:
    """Convert a folder, and say what is in the file."""
    if len(words) not in (2, 3):
        print(__doc__)
        return 2
    arrays = convert(Path(words[0]), side=int(words[2]) if len(words) == 3 else SIDE)
    np.savez(words[1], **arrays)
    for name, array in arrays.items():
        print(f"{name}: {array.shape} {array.dtype}")
    return 0


def convert(folder: Path, *, side: int = SIDE) -> dict[str, np.ndarray]:
    """Return the arrays that `nas.data.npz` reads, images of `side` pixels a side."""
    if SIDE % side:
        raise SystemExit(f"the side must divide {SIDE}, but got {side}; 16 is usual")
    labels = np.load(folder / "labels.npz", allow_pickle=False)
    arrays = {"class_names": labels["classes"]}
    for split in ("train", "test"):
        pictures = sorted(folder.glob(f"cifar10_{split}_*.webp"))
        if not pictures:
            raise SystemExit(f"there is no cifar10_{split}_*.webp in {folder}")
        images = np.concatenate([read_mosaic(path) for path in pictures])
        arrays[f"{split}_images"] = averaged(images, side=side)
        known = [labels[path.stem.removeprefix("cifar10_")] for path in pictures]
        arrays[f"{split}_labels"] = np.concatenate(known).astype(np.int64)
    return arrays


def read_mosaic(path: Path) -> np.ndarray:
    """Return the images (5000, 32, 32, 3) of one picture, row by row."""
    pixels = np.asarray(Image.open(path).convert("RGB"))
    tiles = pixels.reshape(ROWS, SIDE, COLUMNS, SIDE, 3).transpose(0, 2, 1, 3, 4)
    return tiles.reshape(ROWS * COLUMNS, SIDE, SIDE, 3)


def averaged(images: np.ndarray, *, side: int) -> np.ndarray:
    """Return images (N, side, side, 3): each pixel the rounded mean of a square of them."""
    if side == SIDE:
        return images
    edge = SIDE // side
    squares = images.reshape(len(images), side, edge, side, edge, 3)
    return np.rint(squares.mean(axis=(2, 4))).astype(np.uint8)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
