"""Images that stay encoded where they lie, and are decoded whenever they are needed.

They look like an array (N, H, W, C) of which parts are taken; all of it is held by nobody. What
takes a pass over every pixel (means, copies, what is broken) was found when the data set was
opened (`nas.data.scan`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nas.data.picture import BROKEN, DecodeSettings, ImageSource, decode_one
from nas.errors import DataError

# N images, H height, W width, C channels

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class StreamedImages:
    """Images on disk.

    Attributes:
        sources: where they lie.
        places: (N, 2) of each: which source, and which of its images.
        stored: how they are decoded.
        image_shape: (H, W, C) of all of them.
        sums: (N, 2, C) of each: sums of its pixels, and of their squares.
        hashes: (N, 16) of each: what equal pixels share.
    """

    sources: tuple[ImageSource, ...]
    places: Indices
    stored: DecodeSettings
    image_shape: tuple[int, int, int]
    sums: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.uint8]

    dtype = np.dtype(np.uint8)
    ndim = 4

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, H, W, C)."""
        return len(self.places), *self.image_shape

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, chosen: slice | Indices) -> npt.NDArray[np.uint8]:
        """Decode some images.

        Raises:
            DataError: one could be read when the data set was opened, and no more.
        """
        places = self.places[chosen]
        images = np.empty((len(places), *self.image_shape), dtype=np.uint8)
        for row, (source, index) in enumerate(places.tolist()):
            images[row] = self._decode(self.sources[source], index)
        return images

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Decode all of them, for small splits."""
        del copy  # there is nothing but copies
        return self[:].astype(dtype or np.uint8, copy=False)

    def subset(self, chosen: Indices) -> "StreamedImages":
        """Return some of the images, without decoding any."""
        return replace(
            self,
            places=self.places[chosen],
            sums=self.sums[chosen],
            hashes=self.hashes[chosen],
        )

    def joined(self, other: "StreamedImages") -> "StreamedImages":
        """Return the images of both, without decoding any."""
        moved = other.places + np.array([len(self.sources), 0])
        return replace(
            self,
            sources=(*self.sources, *other.sources),
            places=np.concatenate([self.places, moved]),
            sums=np.concatenate([self.sums, other.sums]),
            hashes=np.concatenate([self.hashes, other.hashes]),
        )

    def _decode(self, source: ImageSource, index: int) -> npt.NDArray[np.uint8]:
        try:
            pixels = decode_one(source.open(index), self.stored)
        except BROKEN as error:
            raise DataError(
                f"{source.name(index)} cannot be read any more: {error}; keep the files as they "
                "are while a search reads them"
            ) from error
        if pixels.shape != self.image_shape:
            raise DataError(
                f"{source.name(index)} has the shape {pixels.shape} now, and had "
                f"{self.image_shape} when the search began"
            )
        return pixels


class Texts(Sequence[str]):
    """Many texts in one array: a million paths travel, and are shared, like one.

    >>> list(Texts(["cat/1.png", "dog/2.png"]))
    ['cat/1.png', 'dog/2.png']
    """

    def __init__(self, texts: Sequence[str]) -> None:
        encoded = [text.encode(errors="surrogateescape") for text in texts]
        self._content = np.frombuffer(b"".join(encoded), dtype=np.uint8)
        self._ends = np.cumsum([len(one) for one in encoded], dtype=np.int64)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        start = int(self._ends[place - 1]) if place else 0
        content = self._content[start : int(self._ends[place])].tobytes()
        return content.decode(errors="surrogateescape")
