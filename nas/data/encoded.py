"""Encoded images (files, bytes, pictures of another library) become a data set.

They are decoded once and kept, or, where there are too many, looked at once (`nas.data.scan`) and
decoded whenever they are needed (`nas.data.streamed`); the data set is the same. What is broken is
told by name, all of it at once, and then refused or left out, as the user says.
"""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nas.data.copies import copies_across, hashes_of, in_two_classes, numbered
from nas.data.dataset import Dataset, Labels, Split
from nas.data.findings import NOTHING_FOUND, Findings, listed
from nas.data.mirroring import mirroring_of
from nas.data.picture import (
    BROKEN,
    DecodeSettings,
    ImageSource,
    OnBroken,
    Picture,
    Shown,
    decode_one,
    decode_with_digest,
)
from nas.data.preparation import Preparation
from nas.data.scan import Scan, scan
from nas.data.splitting import Indices, check_fractions, hold_out
from nas.data.streamed import StreamedImages, Texts
from nas.errors import DataError
from nas.planning.image_decisions import ImageDecisions

_MOST_TOLD = 50  # broken images that a refusal names


@dataclass(frozen=True)
class Encoded:
    """Images of one split, not decoded yet.

    Attributes:
        source: where they lie.
        labels: (N,) class of each.
    """

    source: ImageSource
    labels: Labels


@dataclass(frozen=True)
class LibraryItems:
    """Images that another library hands out one by one. Fulfils `nas.data.picture.ImageSource`.

    Attributes:
        part: one split of the library's data set.
        image: what the image is called in one of its items: a column, or a place.
        where: of the split, for messages.
        fingerprint: of the split's content; None where the library cannot tell.
        files: of the images, in their order; None where the library does not show them.
    """

    part: Any
    image: str | int
    where: str
    fingerprint: str | None = None
    files: Texts | None = None

    def __len__(self) -> int:
        return len(self.part)

    def name(self, index: int) -> str:
        """Return the data set, its split and the number."""
        return f"{self.where} {index}"

    def open(self, index: int) -> Picture:
        """Return the image, opened or as it is stored."""
        picture: Any = self.part[index][self.image]
        if isinstance(picture, dict):  # of the hub, not decoded
            content: bytes | None = picture.get("bytes")
            return Path(picture["path"]) if content is None else content
        if self.files is not None:
            return Shown(picture, Path(self.files[index]))
        opened: Picture = picture
        return opened

    def version(self) -> str | None:
        """Return what tells this content from another."""
        return self.fingerprint


def load_encoded(
    parts: Mapping[str, Encoded],
    *,
    preparation: Preparation,
    class_names: Sequence[str],
    name: str,
    where: str,
    official: str,
    findings: Findings = NOTHING_FOUND,
) -> Dataset:
    """Return a data set of encoded images; splits that are not given are held out of train.

    Args:
        parts: `train`, and perhaps `validation` and `test`.
        preparation: what the user says of images and splits.
        class_names: in the order of the labels.
        name: of the data set.
        where: the images come from, for messages.
        official: says where the given splits come from.
        findings: what the loader saw before it opened images.

    Raises:
        DataError: images cannot be read, differ in size, or are too few.
    """
    held = {word: share for word, share in preparation.fractions.items() if word not in parts}
    check_fractions(held)
    stored, size = preparation.stored(part.source for part in parts.values())
    splits, broken, kept = _load(parts, preparation, stored)
    _check_present(parts, splits, kept=kept, class_names=class_names, broken=broken, where=where)
    hashes = {word: hashes_of(split.images) for word, split in splits.items()}
    names = {word: _Names(part.source, kept[word]) for word, part in parts.items()}
    findings = replace(findings, copies=copies_across(hashes, names))
    labels = {word: split.labels for word, split in splits.items()}
    findings = _with_doubts(findings, broken, in_two_classes(hashes, labels, names))
    seed = preparation.split_seed
    drawn: dict[str, Indices] = {}
    if held:
        drawn = hold_out(
            splits["train"].labels, held, seed=seed, class_names=class_names, where=where,
            contents=numbered(hashes["train"]),
        )  # fmt: skip
        splits |= {word: splits["train"].take(indices) for word, indices in drawn.items()}
    rules = [official, *(f"{w}: {s:g} of each class, seed {seed}" for w, s in held.items())]
    mirroring = mirroring_of(splits["train"], preparation.is_mirrorable)
    return Dataset(
        name=name,
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        class_names=tuple(class_names),
        split_rule="; ".join(rule for rule in rules if rule),
        skipped=broken + findings.images_left_out(),
        findings=findings,
        stored=stored,
        is_mirrorable=mirroring.is_sound,
        decided=ImageDecisions(size, mirroring),
        test_names=names["train"].of(drawn["test"]) if "test" in drawn else names["test"],
    )


def _with_doubts(
    findings: Findings, broken: Sequence[str], contradicting: Sequence[str]
) -> Findings:
    doubtful = {
        "images that cannot be read and are left out": broken,
        "images that stand in two classes": contradicting,
    }
    told = [f"{what} ({len(n):,}): {listed(n)}" for what, n in doubtful.items() if n]
    return replace(findings, doubts=(*findings.doubts, *told))


Loaded: TypeAlias = tuple[dict[str, Split], tuple[str, ...], dict[str, Indices]]


@dataclass(frozen=True)
class _Names:
    """What the images that could be read are called."""

    source: ImageSource
    kept: Indices

    def __getitem__(self, index: int) -> str:
        return self.source.name(int(self.kept[index]))

    def of(self, indices: Indices) -> "_Names":
        """Return those of some of the images."""
        return _Names(self.source, self.kept[indices])


def _check_present(
    parts: Mapping[str, Encoded],
    splits: Mapping[str, Split],
    *,
    kept: Mapping[str, Indices],
    class_names: Sequence[str],
    broken: Sequence[str],
    where: str,
) -> None:
    """Refuse a class of which no image is left, and one that train has not."""
    for word, part in parts.items():
        lost = np.setdiff1d(part.labels, splits[word].labels)
        if len(lost):
            names = [class_names[label] for label in lost]
            gone = np.setdiff1d(np.flatnonzero(np.isin(part.labels, lost)), kept[word])
            first = part.source.name(int(gone[0]))
            why = next((line for line in broken if line.startswith(f"{first}:")), first)
            raise DataError(
                f"{where}: none of the {len(gone)} images of {listed(names, 8)} in the {word} "
                f"split can be read ({why}); repair them, or remove the whole class from all "
                "splits"
            )
    absent = np.setdiff1d(splits["train"].labels, [-1])
    for word, split in splits.items():
        unknown = np.setdiff1d(split.labels[split.labels >= 0], absent)
        if len(unknown) and unknown.max() < len(class_names):
            names = [class_names[label] for label in unknown]
            raise DataError(
                f"{where}: the {word} split has the classes {listed(names, 8)}, of which train "
                "has no image; add some to train, or remove these classes"
            )


def _load(
    parts: Mapping[str, Encoded], preparation: Preparation, stored: DecodeSettings
) -> Loaded:
    number = sum(len(part.labels) for part in parts.values())
    if preparation.is_streamed(number, _likely_shape(parts, stored)):
        return _stream(parts, stored)
    return _decode(parts, stored)


def _likely_shape(parts: Mapping[str, Encoded], stored: DecodeSettings) -> tuple[int, ...]:
    """Return (H, W, C) as it is asked for, or of the first image that can be read."""
    if stored.size is not None:
        return *stored.size, stored.channels
    for part in parts.values():
        for index in range(len(part.labels)):
            try:
                return decode_one(part.source.open(index), stored).shape
            except BROKEN:
                continue
    return 0, 0, stored.channels


def _stream(parts: Mapping[str, Encoded], stored: DecodeSettings) -> Loaded:
    found = {word: scan(part.source, stored) for word, part in parts.items()}
    broken = tuple(
        f"{part.source.name(index)}: {fault}"
        for word, part in parts.items()
        for index, fault in sorted(found[word].faults.items())
    )
    _refuse_broken(broken, stored, total=sum(len(part.labels) for part in parts.values()))
    kept = {word: _readable(word, part, found[word]) for word, part in parts.items()}
    _check_sizes(
        {
            (int(height), int(width)): parts[word].source.name(int(indices[first]))
            for word, indices in kept.items()
            for (height, width), first in _first_of_each(found[word].shapes[indices])
        }
    )
    splits = {
        word: Split(
            _streamed(part, found[word], kept[word], stored),
            part.labels[kept[word]],
            found[word].digests[kept[word]],
        )
        for word, part in parts.items()
    }
    return splits, broken, kept


def _readable(word: str, part: Encoded, found: Scan) -> npt.NDArray[np.int64]:
    kept = np.setdiff1d(np.arange(len(part.labels)), list(found.faults))
    if not len(kept):
        raise DataError(f"none of the {len(part.labels)} images of {word} can be read")
    return kept


def _first_of_each(
    shapes: npt.NDArray[np.int64],
) -> list[tuple[npt.NDArray[np.int64], np.int64]]:
    distinct, first = np.unique(shapes, axis=0, return_index=True)
    return list(zip(distinct, first, strict=True))


def _streamed(
    part: Encoded, found: Scan, kept: npt.NDArray[np.int64], stored: DecodeSettings
) -> StreamedImages:
    height, width = found.shapes[kept[0]].tolist()
    return StreamedImages(
        sources=(part.source,),
        places=np.stack([np.zeros_like(kept), kept], axis=1),
        stored=stored,
        image_shape=(height, width, stored.channels),
        sums=found.sums[kept],
        hashes=found.hashes[kept],
    )


def _decode(parts: Mapping[str, Encoded], stored: DecodeSettings) -> Loaded:
    def attempt(part: Encoded, index: int) -> tuple[npt.NDArray[np.uint8], bytes] | str:
        try:
            return decode_with_digest(part.source.open(index), stored)
        except BROKEN as error:
            return f"{part.source.name(index)}: {str(error) or type(error).__name__}"

    jobs = [(part, index) for part in parts.values() for index in range(len(part.labels))]
    with ThreadPoolExecutor(max_workers=min(16, os.cpu_count() or 1)) as pool:
        decoded = list(pool.map(lambda job: attempt(*job), jobs))
    broken = tuple(entry for entry in decoded if isinstance(entry, str))
    _refuse_broken(broken, stored, total=len(jobs))
    first: dict[tuple[int, int], str] = {}
    for (part, index), entry in zip(jobs, decoded, strict=True):
        if not isinstance(entry, str):
            first.setdefault(entry[0].shape[:2], part.source.name(index))
    _check_sizes(first)
    splits, places, start = {}, {}, 0
    for word, part in parts.items():
        entries = decoded[start : start + len(part.labels)]
        start += len(part.labels)
        read = [(i, *entry) for i, entry in enumerate(entries) if not isinstance(entry, str)]
        if not read:
            raise DataError(f"none of the {len(entries)} images of {word} can be read")
        kept, images, found = zip(*read, strict=True)
        digests = np.frombuffer(b"".join(found), dtype=np.uint8).reshape(len(kept), -1)
        places[word] = np.array(kept, dtype=np.int64)
        splits[word] = Split(np.stack(images), part.labels[places[word]], digests)
    return splits, broken, places


def _refuse_broken(broken: Sequence[str], stored: DecodeSettings, *, total: int) -> None:
    if broken and stored.on_broken is OnBroken.REFUSE:
        told = list(broken[:_MOST_TOLD])
        if len(broken) > _MOST_TOLD:
            told.append(f"... and {len(broken) - _MOST_TOLD:,} more")
        raise DataError(
            f"{len(broken):,} of {total:,} images cannot be read; repair or remove them, or leave "
            "them out with data.on_broken=skip, which lists all in data.json:\n" + "\n".join(told)
        )


def _check_sizes(first: Mapping[tuple[int, int], str]) -> None:
    """Refuse sizes, each with an image that has it, that differ."""
    if len(first) > 1:
        examples = ", ".join(f"{h}x{w} ({name})" for (h, w), name in list(first.items())[:3])
        raise DataError(
            f"the images have {len(first)} sizes, such as {examples}; "
            "set data.image_size to resize all to one"
        )
