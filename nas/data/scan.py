"""One pass over encoded images that are not kept: which are broken, their sizes, sums and hashes.

What was found is kept in the cache folder of the user, under a key of where the images lie, their
sizes in bytes, their times of change and how they are decoded, so that the next search begins at
once.
"""

import hashlib
import io
import logging
import os
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nas.data.picture import BROKEN, DecodeSettings, ImageSource, decode_with_digest
from nas.files import write_bytes
from nas.paths import cache_dir

log = logging.getLogger(__name__)

_BLOCK = 128  # images that a thread looks at, one after the other
_FORMAT = 2  # of the files in the cache


@dataclass(frozen=True)
class Scan:
    """What a pass over images found.

    Attributes:
        shapes: (N, 2) height and width of each as it is stored; 0 where it is broken.
        sums: (N, 2, C) sums of its pixels, and of their squares.
        hashes: (N, 16) of its pixels.
        digests: (N, 16) of it as it is stored.
        faults: broken image -> why it cannot be read.
    """

    shapes: npt.NDArray[np.int64]
    sums: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.uint8]
    digests: npt.NDArray[np.uint8]
    faults: Mapping[int, str]


def scan(source: ImageSource, stored: DecodeSettings) -> Scan:
    """Decode every image once, or read what an earlier scan of the same images found."""
    file = _cache_file(source, stored)
    found = None if file is None else _read(file, number=len(source), channels=stored.channels)
    if found is None:
        found = _look_at_all(source, stored)
        if file is not None:
            _write(file, found)
    return found


def hash_of(image: npt.NDArray[np.uint8]) -> bytes:
    """Return 16 bytes that images of equal pixels share."""
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()


def _look_at_all(source: ImageSource, stored: DecodeSettings) -> Scan:
    starts = range(0, len(source), _BLOCK)
    with ThreadPoolExecutor(max_workers=min(16, os.cpu_count() or 1)) as pool:
        blocks = list(
            pool.map(
                lambda start: _look(
                    source, stored, range(start, min(start + _BLOCK, len(source)))
                ),
                starts,
            )
        )
    return Scan(
        np.concatenate([block.shapes for block in blocks]),
        np.concatenate([block.sums for block in blocks]),
        np.concatenate([block.hashes for block in blocks]),
        np.concatenate([block.digests for block in blocks]),
        {index: fault for block in blocks for index, fault in block.faults.items()},
    )


def _look(source: ImageSource, stored: DecodeSettings, indices: range) -> Scan:
    number = len(indices)
    shapes = np.zeros((number, 2), dtype=np.int64)
    sums = np.zeros((number, 2, stored.channels), dtype=np.int64)
    hashes, digests = (np.zeros((number, 16), dtype=np.uint8) for _ in range(2))
    faults = {}
    for row, index in enumerate(indices):
        try:
            image, digest = decode_with_digest(source.open(index), stored)
        except BROKEN as error:
            faults[index] = str(error) or type(error).__name__
            continue
        numbers = image.astype(np.int64)
        shapes[row] = image.shape[:2]
        sums[row] = numbers.sum(axis=(0, 1)), np.square(numbers).sum(axis=(0, 1))
        hashes[row] = np.frombuffer(hash_of(image), dtype=np.uint8)
        digests[row] = np.frombuffer(digest, dtype=np.uint8)
    return Scan(shapes, sums, hashes, digests, faults)


def _cache_file(source: ImageSource, stored: DecodeSettings) -> Path | None:
    version = source.version()
    if version is None:
        return None
    text = f"{_FORMAT} {version} {stored.channels} {stored.size} {stored.fit}"
    key = hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=16).hexdigest()
    return cache_dir() / "scans" / f"{key}.npz"


def _read(file: Path, *, number: int, channels: int) -> Scan | None:
    try:
        with np.load(file, allow_pickle=False) as content:
            faults = dict(zip(content["broken"].tolist(), content["faults"].tolist(), strict=True))
            shapes, sums, hashes = content["shapes"], content["sums"], content["hashes"]
            found = Scan(shapes, sums, hashes, content["digests"], faults)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        log.debug("%s cannot be read (%s); the images are looked at again", file, error)
        return None
    return found if found.sums.shape == (number, 2, channels) else None


def _write(file: Path, found: Scan) -> None:
    buffer = io.BytesIO()
    np.savez(
        buffer,
        shapes=found.shapes,
        sums=found.sums,
        hashes=found.hashes,
        digests=found.digests,
        broken=np.array(list(found.faults), dtype=np.int64),
        faults=np.array(list(found.faults.values()), dtype=np.str_),
    )
    try:
        write_bytes(file, buffer.getvalue())
    except OSError as error:
        log.debug("%s cannot be written (%s); the next search looks again", file, error)
