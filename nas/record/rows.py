"""Dataclasses as the rows of a CSV file, and back.

Numbers keep all their digits; NaN is an empty cell, true and false are lower case. Only flat
dataclasses of texts, whole numbers, floats and booleans.
"""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from nas.errors import RunFolderError
from nas.files import write_text
from nas.record.reading import read_text

Row = TypeVar("Row")


def write_rows(path: Path, rows: Sequence[Any], *, kind: type[Any]) -> None:
    """Write rows of the dataclass `kind`, whole or not at all; without rows the head alone."""
    text = io.StringIO()
    names = [field.name for field in fields(kind)]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(getattr(row, name)) for name in names] for row in rows)
    write_text(path, text.getvalue())


def read_rows(path: Path, *, kind: type[Row], made_by: str) -> list[Row]:
    """Read what `write_rows` wrote.

    Args:
        path: the file.
        kind: a dataclass with a default-free constructor of the same columns.
        made_by: the command that makes the file, for the message.

    Raises:
        RunFolderError: there is no such file, its columns are others, or it is damaged.
    """
    if not path.is_file():
        raise RunFolderError(f"there is no {path}; make it by {made_by}")
    types = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]
    text = read_text(path, remedy=f"remove it and make it again by {made_by}")
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        if set(reader.fieldnames or ()) != set(types):
            raise RunFolderError(f"{path} has other columns; make it again by {made_by}")
        return [kind(**{name: _value(types[name], row[name]) for name in types}) for row in reader]
    except (csv.Error, ValueError, TypeError, AttributeError) as error:
        raise RunFolderError(
            f"{path} is damaged ({str(error)[:80]}); remove it and make it again by {made_by}"
        ) from error


def same_row(one: Any, other: Any) -> bool:
    """Say whether two rows are written alike; NaN equals NaN, as an empty cell does."""
    names = [field.name for field in fields(one)]
    return [_cell(getattr(one, name)) for name in names] == [
        _cell(getattr(other, name)) for name in names
    ]


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    return value


def _value(kind: Any, cell: str) -> Any:
    if kind is bool:
        return cell == "true"
    if kind is float:
        return float(cell) if cell else math.nan
    return kind(cell)
