"""What a training takes its images from: a split that gives them a batch at a time.

Images lie on the device (`nas.train.resident`), or on disk, to be decoded while a model trains
(`nas.train.streamed`). Both give the same numbers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch

from nas.task import Task
from nas.train.augmentation import EpochDraws

# ruff: noqa: N803 - names of tensors end in their shapes
# N images, B batch, H height, W width, C channels


class Batches(Protocol):
    """A split, a batch at a time, on the device."""

    @property
    def labels(self) -> torch.Tensor:
        """(N,) int64, or the targets (N, ...) of another task; all on the device."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the images."""
        ...

    def resized(self, size: tuple[int, int]) -> "Batches":
        """Return the same images at (height, width)."""
        ...

    def head(self, num_images: int) -> "Batches":
        """Return the first images alone."""
        ...

    def augmented(self, draws: EpochDraws, places: Sequence[slice]) -> Iterator[torch.Tensor]:
        """Yield images (B, H, W, C) for each place in an epoch's order, moved and mirrored."""
        ...

    def blocks(self, num_images: int) -> Iterator[torch.Tensor]:
        """Yield all images (B, H, W, C) in their order, so many at a time."""
        ...


@dataclass(frozen=True)
class TrialData:
    """What a trial trains on and is judged by, on the device.

    Attributes:
        train: what models learn from.
        validation: what they are judged by.
        mean: (C,) of the training images.
        std: (C,) of the training images.
        is_mirrorable: a mirrored image keeps its class.
        task: what outputs are trained and judged by; None where they tell classes apart.
    """

    train: Batches
    validation: Batches
    mean: torch.Tensor
    std: torch.Tensor
    is_mirrorable: bool
    task: Task | None = None

    def resized(self, size: tuple[int, int]) -> "TrialData":
        """Return the same data with images of (height, width)."""
        return replace(
            self, train=self.train.resized(size), validation=self.validation.resized(size)
        )

    def to_input(self, images_BHWC: torch.Tensor) -> torch.Tensor:
        """Return normalised floats (B, C, H, W), channels last in memory."""
        floats = images_BHWC.to(torch.float32)
        return ((floats - self.mean) / self.std).permute(0, 3, 1, 2)
