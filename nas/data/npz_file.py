"""The arrays of an `.npz` file, looked at before they are loaded.

A file may come from anybody: nothing in it is unpickled, and what it unpacks to is known from its
directory and the heads of its arrays, before memory is taken.
"""

import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from nas.data.findings import printable
from nas.data.memory import free_bytes
from nas.data.split_names import split_of
from nas.errors import DataError, nearest_first

Arrays = dict[str, npt.NDArray[Any]]

_REQUIRED = ("train_images", "train_labels", "test_images", "test_labels")
_OPTIONAL = ("val_images", "val_labels")
_PREFIXES = {"train": "train", "validation": "val", "test": "test"}

# What reading a broken or foreign file may raise.
_BROKEN = (
    OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, struct.error, RuntimeError,
    MemoryError, LookupError, SyntaxError, TypeError, tokenize.TokenError, OverflowError,
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """An array in the file, not loaded.

    Attributes:
        key: its name in the file.
        num_bytes: that it takes in memory.
        has_objects: it holds Python objects, which are never read.
    """

    key: str
    num_bytes: int
    has_objects: bool


def read_arrays(file: Path) -> tuple[Arrays, tuple[str, ...]]:
    """Return the arrays that make up a data set by name, and the names of the others.

    Arrays of splits may be called otherwise: `valid_images` is returned as `val_images`.

    Raises:
        DataError: the file or an array is missing, broken or too large, or holds objects.
    """
    _check_file(file)
    try:
        with file.open("rb") as opened:
            if opened.read(6) == b"\x93NUMPY":
                raise DataError(f"{file} holds a single array; write one with numpy.savez")
        with zipfile.ZipFile(file) as archive:
            members = _members(archive)
            chosen = _chosen(members, file)
            _check_members({name: members[key] for name, key in chosen.items()}, file)
            arrays = {name: _load(archive, members[key]) for name, key in chosen.items()}
    except _BROKEN as error:
        raise DataError(
            f"{file} cannot be read as .npz ({printable(str(error)) or type(error).__name__}); "
            "write it with numpy.savez, without Python objects"
        ) from error
    return arrays, tuple(printable(name) for name in members if name not in chosen.values())


def _check_file(file: Path) -> None:
    try:
        if file.is_file():
            return
        is_folder = file.is_dir()
    except (OSError, ValueError) as error:
        raise DataError(
            f"data.path: {printable(str(file))[:200]} cannot be opened: {error}"[:400]
        ) from error
    if is_folder:
        raise DataError(
            f"data.path: {file.absolute()} is a folder; give an .npz file, or take "
            "data=image_folder for a folder of images"
        )
    raise DataError(
        f"data.path: there is no file {printable(str(file.absolute()))}; give an .npz file"
    )


def _members(archive: zipfile.ZipFile) -> dict[str, Member]:
    found = {}
    for info in archive.infolist():
        if not info.filename.endswith(".npy"):
            continue
        with archive.open(info) as opened:
            shape, dtype = _head(opened)
        # What a head claims is not taken from memory before the directory agrees.
        claimed = math.prod(shape) * dtype.itemsize
        if not dtype.hasobject and claimed > info.file_size:
            raise ValueError(
                f"{info.filename} is to hold {claimed:,} bytes, and has {info.file_size:,}"
            )
        found[info.filename[:-4]] = Member(info.filename, claimed, dtype.hasobject)
    return found


def _head(opened: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(opened)
    read = {(1, 0): np.lib.format.read_array_header_1_0}
    if version == (3, 0):
        raise ValueError("an array has fields with names, which is no array of images or labels")
    shape, _, dtype = read.get(version, np.lib.format.read_array_header_2_0)(opened)
    return shape, dtype


def _chosen(members: Iterable[str], file: Path) -> dict[str, str]:
    """Return our name of an array -> its name in the file."""
    chosen: dict[str, str] = {}
    for name in sorted(members):
        ours = _our_name(name)
        if ours is None:
            continue
        if ours in chosen:
            raise DataError(
                f"{file} has {chosen[ours]} and {name}, which both mean {ours}; keep one of them"
            )
        chosen[ours] = name
    missing = [name for name in _REQUIRED if name not in chosen]
    if ("val_images" in chosen) != ("val_labels" in chosen):
        missing.extend(name for name in _OPTIONAL if name not in chosen)
    if missing:
        found = nearest_first(missing[0], map(printable, members)) or "none"
        raise DataError(f"{file} has no array {', '.join(missing)}; found: {found}")
    return chosen


def _our_name(name: str) -> str | None:
    if name == "class_names":
        return name
    prefix, _, what = name.rpartition("_")
    split = split_of(prefix)
    return f"{_PREFIXES[split]}_{what}" if split and what in ("images", "labels") else None


def _check_members(members: Mapping[str, Member], file: Path) -> None:
    objects = [name for name, member in members.items() if member.has_objects]
    if objects:
        mend = f"{objects[0]}.astype({'str' if objects[0] == 'class_names' else 'numpy.int64'})"
        raise DataError(
            f"{file}: {', '.join(objects)} holds Python objects, which are never read; write it "
            f"without Python objects, such as {mend}"
        )
    needed, free = sum(member.num_bytes for member in members.values()), free_bytes()
    if needed > free:
        raise DataError(
            f"{file} unpacks to {needed / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB of memory are "
            "free; store fewer or smaller images, or write them as files and take "
            "data=image_folder with data.streaming=true"
        )


def _load(archive: zipfile.ZipFile, member: Member) -> npt.NDArray[Any]:
    with archive.open(member.key) as opened:
        array: npt.NDArray[Any] = np.lib.format.read_array(opened, allow_pickle=False)
    return array
