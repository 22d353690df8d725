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
from nas.data.encoded import SPLIT_WORDS, Encoded, load_encoded
from nas.data.picture import Picture
from nas.data.preparation import Preparation, with_preparation
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
    files = _files(root)
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
        return f"{where} row {index}"

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
    values = {value for listed in labels.values() for value in listed}
    if values and all(isinstance(value, str) for value in values):
        return tuple(sorted(values))
    if values and all(isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in values):
        return tuple(str(number) for number in range(max(values) + 1))
    odd = next((value for value in values if not isinstance(value, str)), None)
    raise DataError(
        f"{where} must hold whole numbers from 0, or texts, in every row, but holds {odd!r}"
    )


def numbers(labels: Sequence[Any], class_names: Sequence[str]) -> "np.ndarray[Any, Any]":
    """Return the class of each label."""
    if labels and isinstance(labels[0], str):
        place = {name: number for number, name in enumerate(class_names)}
        labels = [place[label] for label in labels]
    return np.array(labels, dtype=np.int64)


def _files(root: Path) -> dict[str, list[Path]]:
    if root.is_file():
        return {"train": [root]}
    found = {
        word: sorted(
            path
            for path in root.glob("*.parquet")
            if path.stem.split("-")[0].split("_")[0].lower() in starts
        )
        for word, starts in SPLIT_WORDS.items()
    }
    if not found["train"]:
        raise DataError(
            f"data.path: there is no parquet file {root.absolute()}, and no folder with "
            "train*.parquet (and perhaps validation*.parquet, test*.parquet)"
        )
    return {word: paths for word, paths in found.items() if paths}


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
        tables.append(pq.read_table(file, columns=list(columns)))
    return pa.concat_tables(tables)
