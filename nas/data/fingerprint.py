"""Are these the data that a run was begun with? A digest of what they hold, not of where they lie.

An image counts by the bytes of its file (or of its cell in a parquet file): neither its name, its
place and time of change nor the version of a JPEG decoder plays a part. What is handed over as an
array, and pictures of libraries that show no bytes, count by their numbers, exactly. A row of a
table counts by the values of the columns that are used. Order plays no part; the class and the
split of each image do. How images are prepared (size, fit) stands in the settings.

Digests of images add up (128 bits, modulo 2^64 twice), so that each class and each split has one,
and a change is told by name (`nas.data.changes`). Up to `MAX_MARKED` images also leave four bytes
each, by which single images are counted.

Cost: about a second for each gigabyte. Files are hashed as they are decoded, from the one reading;
sets that are streamed when they are looked at first, and the cache keeps that (`nas.data.scan`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nas.data.dataset import Dataset, SearchData, Split, ThreeSplits
from nas.data.picture import digest_of
from nas.data.streamed import StreamedImages
from nas.data.text import TextData
from nas.tables.table import Table

Digests = npt.NDArray[np.uint8]

FORMAT = 1
DIGEST_SIZE = 16  # bytes
MARK_SIZE = 4
MAX_MARKED = 20_000  # images of all splits together
_MAX_CLASSES = 1000  # whole numbers of more values than this are no classes


@dataclass(frozen=True)
class DigestGroup:
    """Images that share split and class, or split alone.

    Attributes:
        count: how many there are.
        digest: of all of them, hexadecimal.
        marks: eight hexadecimal digits of each, sorted; empty where they are too many.
    """

    count: int
    digest: str
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """One split.

    Attributes:
        whole: all of it.
        classes: the same by class, in the order of the classes; empty where they are too many.
            What has no classes is one, called "".
    """

    whole: DigestGroup
    classes: Mapping[str, DigestGroup]


@dataclass(frozen=True)
class Fingerprint:
    """What tells one data set from another.

    Attributes:
        unit: images, examples or rows.
        digest: of all that counts.
        parts: the splits by name; a table has one, called "".
    """

    unit: str
    digest: str
    parts: Mapping[str, Part]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "format": FORMAT,
            "unit": self.unit,
            "digest": self.digest,
            "splits": {
                word: {
                    **_group_to_json(part.whole),
                    "classes": {n: _group_to_json(g) for n, g in part.classes.items()},
                }
                for word, part in self.parts.items()
            },
        }

    def abridged(self, max_bytes: int) -> "Fingerprint":
        """Return the same with fewer details, if it takes more than `max_bytes` as JSON."""
        unmarked = self._with_classes(lambda group: replace(group, marks=()))
        candidates = (self, unmarked)
        fitting = (c for c in candidates if len(json.dumps(c.to_json())) <= max_bytes)
        bare = {word: replace(part, classes={}) for word, part in self.parts.items()}
        return next(fitting, replace(self, parts=bare))

    def _with_classes(self, change: Any) -> "Fingerprint":
        parts = {
            word: replace(part, classes={n: change(g) for n, g in part.classes.items()})
            for word, part in self.parts.items()
        }
        return replace(self, parts=parts)


def fingerprint_from_json(content: object) -> Fingerprint | None:
    """Return what `to_json` wrote; None for anything else, and for another format."""
    if not isinstance(content, Mapping) or content.get("format") != FORMAT:
        return None
    try:
        parts = {
            str(word): Part(
                _group_from_json(part),
                {str(name): _group_from_json(group) for name, group in part["classes"].items()},
            )
            for word, part in content["splits"].items()
        }
        return Fingerprint(str(content["unit"]), str(content["digest"]), parts)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def fingerprint_of(data: object) -> Fingerprint | None:
    """Return the fingerprint of what a loader returned, or of a table; None for anything else.

    Hashes every number of splits that are arrays; of images from files the digests are known.
    """
    if isinstance(data, Table):
        return _fingerprint("rows", {"": {"": _digests_of_table(data)}})
    if isinstance(data, TextData):
        return _fingerprint("documents", {w: {"": found} for w, found in data.digests.items()})
    if isinstance(data, ThreeSplits):
        splits = data.splits()
    elif isinstance(data, SearchData):
        splits = {"train": data.train, "validation": data.validation}
    else:
        return None
    if isinstance(data, Dataset):
        return _fingerprint(
            "images",
            {word: _by_class(split, data.class_names) for word, split in splits.items()},
        )
    return _fingerprint("examples", {word: _by_target(split) for word, split in splits.items()})


def _fingerprint(unit: str, splits: Mapping[str, Mapping[str, Digests]]) -> Fingerprint:
    number = sum(len(found) for classes in splits.values() for found in classes.values())
    parts = {}
    for word, classes in splits.items():
        whole = _group(np.concatenate(list(classes.values())), is_marked=False)
        marked = {
            name: _group(found, is_marked=number <= MAX_MARKED) for name, found in classes.items()
        }
        parts[word] = Part(whole, marked)
    told = [
        [word, [[name, group.count, group.digest] for name, group in part.classes.items()]]
        for word, part in parts.items()
    ]
    text = json.dumps([FORMAT, unit, told])
    return Fingerprint(unit, digest_of(text.encode()).hex(), parts)


def _group(digests: Digests, *, is_marked: bool) -> DigestGroup:
    halves = np.ascontiguousarray(digests).view("<u8")
    total = halves.sum(axis=0, dtype=np.uint64).astype("<u8").tobytes().hex()
    marks = sorted(row[:MARK_SIZE].tobytes().hex() for row in digests) if is_marked else ()
    return DigestGroup(len(digests), total, tuple(marks))


def _by_class(split: Split, class_names: tuple[str, ...]) -> dict[str, Digests]:
    digests = _digests_of_images(split)
    return {name: digests[split.labels == label] for label, name in enumerate(class_names)}


def _by_target(split: Split) -> dict[str, Digests]:
    """DigestGroup examples by class where a target is one; the target is part of an example."""
    digests, labels = _digests_of_images(split), np.asarray(split.labels)
    targets = _digests_of_rows(labels)
    both = _digests_of_rows(np.concatenate([digests, targets], axis=1))
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        return {"": both}
    values = np.unique(labels)
    if len(values) > _MAX_CLASSES:
        return {"": both}
    return {str(value): both[labels == value] for value in values.tolist()}


def _digests_of_images(split: Split) -> Digests:
    if split.digests is not None:
        return split.digests
    if isinstance(split.images, StreamedImages):
        return split.images.hashes
    return _digests_of_rows(np.asarray(split.images))


def _digests_of_rows(rows: npt.NDArray[Any]) -> Digests:
    """Return (N, 16) of the shape, type and numbers of each row, alike on all processors."""
    if rows.dtype == object:
        contents = (repr(row).encode() for row in rows.tolist())
    else:
        ordered = rows.astype(rows.dtype.newbyteorder("<"), copy=False)
        head = f"{rows.dtype.name} {rows.shape[1:]} ".encode()
        contents = (head + row.tobytes() for row in ordered)
    joined = b"".join(map(digest_of, contents))
    return np.frombuffer(joined, dtype=np.uint8).reshape(len(rows), DIGEST_SIZE)


def _digests_of_table(table: Table) -> Digests:
    """Return (rows, 16) of the distinct rows: parameters, numbers, identity, with their names."""
    rows = table.rows
    columns: list[Digests] = []
    for place, (name, options) in enumerate(table.options.items()):
        # The code of an absent position is -1, so its digest stands at the end.
        known = [digest_of(json.dumps([name, value]).encode()) for value in (*options, None)]
        of_option = np.frombuffer(b"".join(known), dtype=np.uint8).reshape(-1, DIGEST_SIZE)
        columns.append(of_option[table.codes[rows, place]])
    for name, values in sorted(table.numbers.items()):
        head = digest_of(name.encode())
        columns.append(np.tile(np.frombuffer(head, dtype=np.uint8), (len(rows), 1)))
        numbers = np.asarray(values, dtype="<f8")[rows]
        columns.append(numbers[:, None].view(np.uint8))
    if table.identities is not None:
        listed = [digest_of(table.identities[row].encode()) for row in rows.tolist()]
        columns.append(np.frombuffer(b"".join(listed), np.uint8).reshape(-1, DIGEST_SIZE))
    return _digests_of_rows(np.concatenate(columns, axis=1))


def _group_to_json(group: DigestGroup) -> dict[str, Any]:
    told: dict[str, Any] = {"count": group.count, "digest": group.digest}
    return told | ({"marks": "".join(group.marks)} if group.marks else {})


def _group_from_json(content: Mapping[str, Any]) -> DigestGroup:
    text, size = str(content.get("marks", "")), 2 * MARK_SIZE
    marks = tuple(text[start : start + size] for start in range(0, len(text), size))
    return DigestGroup(int(content["count"]), str(content["digest"]), marks)
