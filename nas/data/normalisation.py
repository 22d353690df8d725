"""What are inputs divided by? Mean and deviation of each channel of the training images."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nas.data.streamed import StreamedImages

Images: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.float32]


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of each channel, in the unit of the stored numbers."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def normalisation_of(images: Images | StreamedImages) -> Normalisation:
    """Return mean and deviation of each channel; a constant channel gets deviation 1.

    Sums image by image block, so that a large uint8 set is never copied to floats at once; of
    images on disk the sums are known, and the same.
    """
    if isinstance(images, StreamedImages):
        total, squares = images.sums.sum(axis=0).astype(np.float64)
    else:
        total, squares = np.zeros(images.shape[3]), np.zeros(images.shape[3])
        for start in range(0, len(images), 1024):
            block = images[start : start + 1024].astype(np.float64)
            total += block.sum(axis=(0, 1, 2))
            squares += np.square(block).sum(axis=(0, 1, 2))
    count = images.shape[0] * images.shape[1] * images.shape[2]
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - np.square(mean), 0.0))
    std = np.where(std > 1e-6, std, 1.0)
    return Normalisation(tuple(mean.tolist()), tuple(std.tolist()))
