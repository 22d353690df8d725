"""Put shards of CIFAR-10 into one .npz file that `data=npz` reads.

python experiments/end_to_end/cifar10.py FOLDER OUT.npz [NUM_TRAIN] [NUM_TEST]

FOLDER holds lossless webp mosaics of 5,000 images (50 rows of 100 tiles of 32 x 32 pixels) called
cifar10_train_00.webp, cifar10_train_01.webp, cifar10_test_00.webp, and labels.npz. The first
NUM_TRAIN and NUM_TEST images are taken; the shards are class-balanced.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

SHARDS = {"train": ("train_00", "train_01"), "test": ("test_00",)}


def main(folder: Path, out: Path, num_train: int = 5000, num_test: int = 5000) -> None:
    """Write the file."""
    if not (folder / "labels.npz").is_file():
        sys.exit(f"there is no {folder / 'labels.npz'}: give the folder of the CIFAR-10 shards")
    arrays = {}
    for (split, names), count in zip(SHARDS.items(), (num_train, num_test), strict=True):
        images = np.concatenate([shard(folder / f"cifar10_{name}.webp") for name in names])
        labels = np.concatenate([np.load(folder / "labels.npz")[name] for name in names])
        arrays[f"{split}_images"] = images[:count]
        arrays[f"{split}_labels"] = labels[:count].astype(np.int64)
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(out, **arrays)
    print({name: array.shape for name, array in arrays.items()})


def shard(path: Path) -> np.ndarray:
    """Return the 5,000 images (N, 32, 32, 3) of a mosaic."""
    pixels = np.asarray(Image.open(path).convert("RGB"))
    return pixels.reshape(50, 32, 100, 32, 3).transpose(0, 2, 1, 3, 4).reshape(5000, 32, 32, 3)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
