"""Images that stay on the device as long as a worker lives, resized once for each trial."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import torch

from nas.train.augmentation import EpochDraws, take_batch
from nas.train.resize import resize

# ruff: noqa: N815 - names of tensors end in their shapes
# N images, B batch, H height, W width, C channels

_RESIZE_BLOCK = 4096  # images that are floats at the same time while a uint8 set is resized


@dataclass(frozen=True)
class ResidentSplit:
    """A split on the device. Fulfils `nas.train.batches.Batches`.

    Attributes:
        images_NHWC: uint8 or float32, as stored.
        labels: (N,) int64, or the targets (N, ...) of another task.
    """

    images_NHWC: torch.Tensor
    labels: torch.Tensor

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the images."""
        return self.images_NHWC.shape[1], self.images_NHWC.shape[2]

    def resized(self, size: tuple[int, int]) -> "ResidentSplit":
        """Return the images at (height, width), bilinear with antialiasing, in their own type."""
        if self.size == tuple(size):
            return self
        blocks = [resize(block, size) for block in torch.split(self.images_NHWC, _RESIZE_BLOCK)]
        return ResidentSplit(torch.cat(blocks), self.labels)

    def head(self, num_images: int) -> "ResidentSplit":
        """Return the first images alone, without a copy."""
        return ResidentSplit(self.images_NHWC[:num_images], self.labels[:num_images])

    def augmented(self, draws: EpochDraws, places: Sequence[slice]) -> Iterator[torch.Tensor]:
        """Yield images (B, H, W, C) for each place in an epoch's order, moved and mirrored."""
        for place in places:
            yield take_batch(self.images_NHWC, draws, place)

    def blocks(self, num_images: int) -> Iterator[torch.Tensor]:
        """Yield all images (B, H, W, C) in their order, so many at a time."""
        yield from torch.split(self.images_NHWC, num_images)


def resident_split(
    images: npt.NDArray[Any], labels: npt.NDArray[Any], device: torch.device
) -> ResidentSplit:
    """Return (N, H, W, C) images and (N,) labels on the device; on the CPU, where they lie."""
    return ResidentSplit(as_tensor(images).to(device), as_tensor(labels).to(device))


def as_tensor(array: npt.NDArray[Any]) -> torch.Tensor:
    """Return the array as a tensor that shares its memory and is not written to."""
    with warnings.catch_warnings():
        # Ray's shared arrays cannot be written, and nothing here writes into its data.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
        return torch.from_numpy(array)
