"""A user's own images as bytes in parquet files, a row each: the layout of the Hugging Face hub.

One file for each split (`train.parquet`, `test.parquet`, `validation-00000-of-00001.parquet`) in a
folder, or a single file from which validation and test are held out. The image column holds bytes,
or a record with a field `bytes`; the label column whole numbers or texts.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nas.data.dataset import Dataset
from nas.data.encoded import Encoded, load_encoded
from nas.data.findings import Findings, LeftOut, printable
from nas.data.picture import Picture
from nas.data.preparation import Preparation, with_preparation
from nas.data.split_names import split_of
from nas.errors import DataError, nearest_first


@with_preparation()
def load_parquet(
    path: str,
    *,
    image_column: str = "image",
    label_column: str = "label",
    preparation: Preparation,
) -> Dataset:
    """Return the images of parquet files; encoded they are kept in memory.

    Args:
        path: a file, or a folder with files for the splits.
        image_column: bytes of encoded images, or records with a field `bytes`.
        label_column: whole numbers from 0, or texts, which are numbered in their order.
        preparation: as `nas.data.preparation.Preparation`; each of its settings by name.

    Raises:
        DataError: files or columns are missing or broken, or images cannot be read.
    """
    root = Path(path)
    files, others = _files(root)
    columns = (image_column, label_column)
    tables = {word: _read(found, columns) for word, found in files.items()}
    labels = {word: table.column(label_column).to_pylist() for word, table in tables.items()}
    class_names = names_of_labels(labels, where=f"{root}: {label_column}")
    return load_encoded(
        {
            word: Encoded(
                Rows(table.column(image_column), tuple(files[word])),
                numbers(labels[word], class_names),
            )
            for word, table in tables.items()
        },
        preparation=preparation,
        class_names=class_names,
        name=root.stem,
        where=str(root),
        official="; ".join(
            f"{word}: {', '.join(file.name for file in found)}" for word, found in files.items()
        ),
        findings=Findings(left_out=others),
    )


@dataclass(frozen=True)
class Rows:
    """Encoded images of a column.

    Attributes:
        column: bytes, or records with a field `bytes`.
        files: that it was read from.
    """

    column: pa.ChunkedArray
    files: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.column)

    def name(self, index: int) -> str:
        """Return the file, or the folder of several, and the row."""
        where = self.files[0] if len(self.files) == 1 else self.files[0].parent
        return f"{printable(str(where))} row {index}"

    def open(self, index: int) -> Picture:
        """Return the bytes of an image.

        Raises:
            ValueError: there are none.
        """
        value = self.column[index].as_py()
        content = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(content, bytes):
            raise ValueError(f"holds {type(content).__name__}, not the bytes of an image")
        return content

    def version(self) -> str | None:
        """Return a digest of the encoded bytes, which are in memory."""
        digest = hashlib.blake2b(digest_size=16)
        for chunk in self.column.chunks:
            for buffer in chunk.buffers():
                digest.update(b"" if buffer is None else memoryview(buffer))
        return digest.hexdigest()


def names_of_labels(labels: Mapping[str, Sequence[Any]], *, where: str) -> tuple[str, ...]:
    """Return the names of the classes: sorted texts, or the numbers from 0 to the highest.

    Raises:
        DataError: labels are neither, or missing.
    """
    every = [value for listed in labels.values() for value in listed]
    odd = next((value for value in every if isinstance(value, list | dict)), None)
    if odd is not None:
        raise DataError(
            f"{where} holds lists or records, such as {str(odd)[:60]}; it must hold one class for "
            "each image, a whole number or a text"
        )
    values = set(every)
    if values and all(isinstance(value, str) for value in values):
        return tuple(sorted(values))
    if values and all(isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in values):
        if max(values) + 1 > len(values):
            raise DataError(
                f"{where} has {len(values)} different numbers, the highest {max(values)}; number "
                "the classes from 0 without a gap"
            )
        return tuple(str(number) for number in range(max(values) + 1))
    strange = [v for v in every if isinstance(v, bool) or not isinstance(v, int | str)]
    whole = sorted(v for v in values if isinstance(v, int))  # below 0, or beside texts
    shown = repr((strange or whole)[0]) if every else "no label"
    raise DataError(
        f"{where} must hold whole numbers from 0, or texts, in every row, but holds {shown}"
    )


def numbers(labels: Sequence[Any], class_names: Sequence[str]) -> "np.ndarray[Any, Any]":
    """Return the class of each label.

    Raises:
        DataError: a label is missing.
    """
    absent = sum(label is None for label in labels)
    if absent:
        raise DataError(
            f"{absent} of {len(labels)} labels are missing (null); give each image a class, or "
            "remove these rows"
        )
    if labels and isinstance(labels[0], str):
        place = {name: number for number, name in enumerate(class_names)}
        labels = [place[label] for label in labels]
    return np.array(labels, dtype=np.int64)


def _files(root: Path) -> tuple[dict[str, list[Path]], tuple[LeftOut, ...]]:
    """Return the files of each split, and what else lies there."""
    if root.is_file():
        return {"train": [root]}, ()
    found: dict[str, dict[str, list[Path]]] = {}
    others = []
    inside = sorted(root.iterdir()) if root.is_dir() else []
    for path in inside:
        word = _word_of(path)
        if path.name.startswith(".") or path.suffix.lower() != ".parquet" or word is None:
            others.append(path)
            continue
        found.setdefault(str(split_of(word)), {}).setdefault(word, []).append(path)
    if "train" not in found:
        raise DataError(
            f"data.path: there is no parquet file {root.absolute()}, and no folder with "
            "train*.parquet (and perhaps validation*.parquet, test*.parquet)"
            + "".join(f"; {entry.line()}" for entry in _left_out(others))
        )
    for split, words in found.items():
        if len(words) > 1:
            raise DataError(
                f"{root} has files called {' and '.join(words)}, which both mean the {split} "
                "split; keep those of one there and move the others away"
            )
    order = [split for split in ("train", "validation", "test") if split in found]
    return {s: next(iter(found[s].values())) for s in order}, _left_out(others)


def _word_of(path: Path) -> str | None:
    """Return the word for a split that the name of a file is, or begins with."""
    first = path.stem.split("-")[0].split("_")[0].split(".")[0].lower()
    whole = path.stem.lower()
    return first if split_of(first) else whole if split_of(whole) else None


def _left_out(paths: Sequence[Path]) -> tuple[LeftOut, ...]:
    tables = [path for path in paths if path.suffix.lower() == ".parquet"]
    rest = [path for path in paths if path not in tables]
    kinds = (
        ("parquet files whose names mean no split", tables, True),
        ("other files and folders", rest, False),
    )
    return tuple(
        LeftOut(what, tuple(printable(str(path)) for path in of_kind), are_images)
        for what, of_kind, are_images in kinds
        if of_kind
    )


def _read(files: Sequence[Path], columns: Sequence[str]) -> pa.Table:
    tables = []
    for file in files:
        try:
            known = pq.read_schema(file).names
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{file} cannot be read as parquet: {error}") from error
        for column in columns:
            if column not in known:
                near = nearest_first(column, known)
                raise DataError(f"{file} has no column '{column}'; nearest first: {near}")
            if known.count(column) > 1:
                raise DataError(f"{file} has several columns '{column}'; keep one of them")
        try:
            tables.append(pq.read_table(file, columns=list(columns)))
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{file} cannot be read as parquet: {error}") from error
    try:
        return pa.concat_tables(tables)
    except pa.ArrowException as error:
        names = ", ".join(file.name for file in files)
        raise DataError(
            f"{names} have columns of other types: {error}; make them alike"
        ) from error
