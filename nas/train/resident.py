"""Images that stay on the device as long as a worker lives, resized once for each trial."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import torch
from torch.nn import functional

from nas.task import Task

# ruff: noqa: N803, N815 - names of tensors end in their shapes
# N images, H height, W width, C channels

_RESIZE_BLOCK = 4096  # images that are floats at the same time while a uint8 set is resized


@dataclass(frozen=True)
class ResidentSplit:
    """A split on the device.

    Attributes:
        images_NHWC: uint8 or float32, as stored.
        labels: (N,) int64, or the targets (N, ...) of another task.
    """

    images_NHWC: torch.Tensor
    labels: torch.Tensor

    def resized(self, size: tuple[int, int]) -> "ResidentSplit":
        """Return the images at (height, width), bilinear with antialiasing, in their own type."""
        if tuple(self.images_NHWC.shape[1:3]) == tuple(size):
            return self
        blocks = [_resize(block, size) for block in torch.split(self.images_NHWC, _RESIZE_BLOCK)]
        return ResidentSplit(torch.cat(blocks), self.labels)


@dataclass(frozen=True)
class ResidentData:
    """What a trial trains on and is judged by, on the device.

    Attributes:
        train: what models learn from.
        validation: what they are judged by.
        mean: (C,) of the training images.
        std: (C,) of the training images.
        is_mirrorable: a mirrored image keeps its class.
        task: what outputs are trained and judged by; None where they tell classes apart.
    """

    train: ResidentSplit
    validation: ResidentSplit
    mean: torch.Tensor
    std: torch.Tensor
    is_mirrorable: bool
    task: Task | None = None

    def resized(self, size: tuple[int, int]) -> "ResidentData":
        """Return the same data with images of (height, width)."""
        return ResidentData(
            self.train.resized(size),
            self.validation.resized(size),
            self.mean,
            self.std,
            self.is_mirrorable,
            self.task,
        )

    def to_input(self, images_BHWC: torch.Tensor) -> torch.Tensor:
        """Return normalised floats (B, C, H, W), channels last in memory."""
        floats = images_BHWC.to(torch.float32)
        return ((floats - self.mean) / self.std).permute(0, 3, 1, 2)


def resident_split(
    images: npt.NDArray[Any], labels: npt.NDArray[Any], device: torch.device
) -> ResidentSplit:
    """Return (N, H, W, C) images and (N,) labels on the device; on the CPU, where they lie."""
    return ResidentSplit(_tensor(images).to(device), _tensor(labels).to(device))


def _tensor(array: npt.NDArray[Any]) -> torch.Tensor:
    with warnings.catch_warnings():
        # Ray's shared arrays cannot be written, and nothing here writes into its data.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
        return torch.from_numpy(array)


def _resize(images_BHWC: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    maps = images_BHWC.permute(0, 3, 1, 2).to(torch.float32)
    maps = functional.interpolate(maps, size=size, mode="bilinear", antialias=True)
    if images_BHWC.dtype == torch.uint8:
        maps = maps.round_().clamp_(0, 255).to(torch.uint8)
    return maps.permute(0, 2, 3, 1).contiguous()
