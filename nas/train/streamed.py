"""Images that are decoded while a model trains, by processes that stay as long as a worker lives.

A request names images and the size they shall have; the processes decode, resize and hand over a
few batches ahead, so that memory is bounded whatever the data set's size. The requests of an epoch
follow from its draws, so that a training sees the same numbers as with images in memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from nas.errors import DataError
from nas.train.augmentation import EpochDraws, augment_batch
from nas.train.resize import resize

# ruff: noqa: N806 - names of tensors end in their shapes
# N images, B batch, H height, W width, C channels

Indices = npt.NDArray[np.int64]

# Batches come in pieces of this size: processes hand them over in shared memory, of which
# containers have 64 MB if nobody says otherwise.
_PIECE_BYTES = 4e6
_PIECES_AHEAD = 2  # for each process


class Decodes(Protocol):
    """Images that can be had as an array, some at a time."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, H, W, C)."""
        ...

    def __getitem__(self, chosen: Indices) -> npt.NDArray[np.uint8]:
        """Return some images (B, H, W, C).

        Raises:
            DataError: one cannot be read.
        """
        ...


@dataclass(frozen=True)
class Request:
    """Images that are wanted.

    Attributes:
        split: number of the split.
        indices: (B,) places in it.
        size: height and width.
    """

    split: int
    indices: Indices
    size: tuple[int, int]


class Loader:
    """Processes that decode images.

    Args:
        splits: where the images of each split come from.
        num_processes: how many; 0 decodes in this process.
        device: where images go.
    """

    def __init__(
        self, splits: Sequence[Decodes], *, num_processes: int, device: torch.device
    ) -> None:
        self.splits = tuple(splits)
        self.device = device
        self._pending = _Pending()
        self._loader: DataLoader[torch.Tensor | DataError] = DataLoader(
            _Decoded(self.splits),
            batch_size=None,
            sampler=self._pending,
            num_workers=num_processes,
            persistent_workers=num_processes > 0,
            prefetch_factor=_PIECES_AHEAD if num_processes else None,
            pin_memory=device.type == "cuda",
            # Its own: starting an epoch must not change what a trial draws.
            generator=torch.Generator(),
        )

    def load(self, requests: Sequence[Request]) -> Iterator[torch.Tensor]:
        """Yield images (B, H, W, C) on the device for each request, in their order.

        Only the latest call is served: what is left of an earlier one is dropped.

        Raises:
            DataError: an image cannot be read any more.
        """
        cut = [self._pieces(request) for request in requests]
        self._pending.requests = [piece for pieces in cut for piece in pieces]
        loaded = iter(self._loader)
        for pieces in cut:
            images = [self._received(next(loaded)) for _ in pieces]
            yield images[0] if len(images) == 1 else torch.cat(images)

    def _pieces(self, request: Request) -> list[Request]:
        _, height, width, channels = self.splits[request.split].shape
        area = max(height * width, request.size[0] * request.size[1])
        number = max(1, int(_PIECE_BYTES // (area * channels)))
        return [
            replace(request, indices=request.indices[start : start + number])
            for start in range(0, len(request.indices), number)
        ]

    def _received(self, loaded: torch.Tensor | DataError) -> torch.Tensor:
        if isinstance(loaded, DataError):
            raise loaded
        return loaded.to(self.device, non_blocking=True)


@dataclass(frozen=True)
class StreamedSplit:
    """A split on disk. Fulfils `nas.train.batches.Batches`.

    Attributes:
        loader: gives its images.
        number: of the split there.
        labels: (N,) on the device.
        size: height and width that images are given at.
    """

    loader: Loader
    number: int
    labels: torch.Tensor
    size: tuple[int, int]

    def resized(self, size: tuple[int, int]) -> "StreamedSplit":
        """Return the images at (height, width), bilinear with antialiasing, in their own type."""
        return replace(self, size=(int(size[0]), int(size[1])))

    def head(self, num_images: int) -> "StreamedSplit":
        """Return the first images alone."""
        return replace(self, labels=self.labels[:num_images])

    def augmented(self, draws: EpochDraws, places: Sequence[slice]) -> Iterator[torch.Tensor]:
        """Yield images (B, H, W, C) for each place in an epoch's order, moved and mirrored."""
        order = draws.order.cpu().numpy()
        loaded = self._load([order[place] for place in places])
        for place, images_BHWC in zip(places, loaded, strict=True):
            yield augment_batch(images_BHWC, draws, place)

    def blocks(self, num_images: int) -> Iterator[torch.Tensor]:
        """Yield all images (B, H, W, C) in their order, so many at a time."""
        everything = np.arange(len(self.labels))
        starts = range(0, len(everything), num_images)
        return self._load([everything[start : start + num_images] for start in starts])

    def _load(self, batches: Sequence[Indices]) -> Iterator[torch.Tensor]:
        return self.loader.load([Request(self.number, batch, self.size) for batch in batches])


class _Pending(Sampler[Request]):
    """What the processes are to do next; the loader reads it at the start of each pass."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def __iter__(self) -> Iterator[Request]:
        return iter(self.requests)

    def __len__(self) -> int:
        return len(self.requests)


class _Decoded(Dataset[torch.Tensor | DataError]):
    def __init__(self, splits: Sequence[Decodes]) -> None:
        self._splits = splits

    def __getitem__(self, request: Request) -> torch.Tensor | DataError:
        try:
            images_BHWC = self._splits[request.split][request.indices]
        except DataError as error:  # a message of one line, not the loader's report of a crash
            return error
        return resize(torch.from_numpy(images_BHWC), request.size)
