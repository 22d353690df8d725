"""A text in passages: stretches of some lines, each judged by itself when a text is curated.

Where a passage ends depends on what its lines hold (content-defined chunks, as in Muthitacharoen
et al., 2001, "A low-bandwidth network file system", section 3.1), so text that stands in two
places is cut alike in both, whatever stands before it.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nas.data.documents import Document, Piece

LEAST_BYTES, MOST_BYTES = 512, 4096  # of a passage that is not the last of its document
_ENDS_ONE_IN = 8  # lines, of those that may


@dataclass(frozen=True)
class Passages:
    """Stretches of documents; 20 bytes of memory for each.

    Attributes:
        documents: that they are of.
        owner: (N,) places of each one's document.
        start: (N,) first bytes.
        stop: (N,) the bytes after the last.
    """

    documents: Sequence[Document]
    owner: npt.NDArray[np.int32]
    start: npt.NDArray[np.int64]
    stop: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.owner)

    @property
    def num_bytes(self) -> int:
        """Length of all of them."""
        return int((self.stop - self.start).sum())

    def texts(self) -> Iterator[bytes]:
        """Yield what each holds; the file of a document is open while its passages come."""
        place, last = 0, len(self)
        while place < last:
            owner = self.owner[place]
            with self.documents[owner].path.open("rb") as file:
                while place < last and self.owner[place] == owner:
                    file.seek(int(self.start[place]))
                    yield file.read(int(self.stop[place] - self.start[place]))
                    place += 1

    def taken(self, places: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> "Passages":
        """Return some of them, in the order of `places`; or those that a mask tells."""
        return Passages(self.documents, self.owner[places], self.start[places], self.stop[places])

    def pieces(self) -> list[Piece]:
        """Return them as pieces of documents; neighbours that follow each other are one."""
        follows = (self.owner[1:] == self.owner[:-1]) & (self.start[1:] == self.stop[:-1])
        first = np.flatnonzero(np.concatenate([[True], ~follows])) if len(self) else np.array([])
        ends = [*first[1:], len(self)] if len(self) else []
        return [
            Piece(self.documents[self.owner[a]], int(self.start[a]), int(self.stop[int(b) - 1]))
            for a, b in zip(first.astype(int), ends, strict=True)
        ]


def passages_of(pieces: Sequence[Piece]) -> Passages:
    """Return the passages of some pieces; reads each once."""
    owner: list[int] = []
    start: list[int] = []
    stop: list[int] = []
    documents: list[Document] = []
    for index, piece in enumerate(pieces):
        documents.append(piece.document)
        place = piece.start
        for length in _lengths(piece):
            owner.append(index)
            start.append(place)
            place += length
            stop.append(place)
    return Passages(
        documents,
        np.array(owner, dtype=np.int32),
        np.array(start, dtype=np.int64),
        np.array(stop, dtype=np.int64),
    )


def _lengths(piece: Piece) -> Iterator[int]:
    """Yield the bytes of each passage of a piece."""
    size = 0
    for chunk in piece.chunks():
        for line in chunk.splitlines(keepends=True):
            while len(line) > 2 * MOST_BYTES:
                cut = _character_start(line, MOST_BYTES)
                yield size + cut
                size, line = 0, line[cut:]
            size += len(line)
            is_end = zlib.crc32(line) % _ENDS_ONE_IN == 0
            if size >= MOST_BYTES or (size >= LEAST_BYTES and is_end):
                yield size
                size = 0
    if size:
        yield size


def _character_start(line: bytes, place: int) -> int:
    while place > 1 and line[place] & 0xC0 == 0x80:
        place -= 1
    return place
