"""The cells of a table of published results, read from parquet or CSV and checked as they come.

A parameter column becomes its distinct values and an index into them; a number must be finite.
Parquet says the type of a column; CSV does not, and is read by `nas.tables.text`.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from nas.architecture import Value
from nas.errors import DataError, nearest_first
from nas.tables.columns import TableColumns
from nas.tables.text import MISSING_NUMBERS, as_written, read_text_table

ABSENT_CODE = -1
# From here on real numbers are too coarse to tell neighbouring whole numbers apart.
_FIRST_INEXACT = 2.0**53
_NUMBER = re.compile(
    r"\s*[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity|nan)\s*", re.ASCII | re.IGNORECASE
)
_TO_TEXT = (pa.types.is_date, pa.types.is_time, pa.types.is_timestamp)


@dataclass(frozen=True)
class Cells:
    """The columns that are named.

    Attributes:
        content: the columns; all of them text where the file is.
        is_text: the file says no types, so that a parameter column is numbers only where they
            would be written just so.
    """

    content: pa.Table
    is_text: bool

    def parameter(self, name: str) -> pa.ChunkedArray:
        """Return a column of choices, whose numbers are numbers."""
        column = self.content[name]
        return pa.chunked_array([as_written(column)]) if self.is_text else column


def read_cells(file: Path, columns: TableColumns) -> Cells:
    """Return the columns that are named.

    Raises:
        DataError: the file cannot be read, or a column is not there once.
    """
    is_text = _is_text(file)
    read = read_text_table if is_text else _read_parquet
    names, content = read(file, columns.all)
    for name in columns.all:
        if name not in names:
            known = nearest_first(name, [_shown(other) for other in names])
            raise DataError(
                f"table '{file}' has no column '{name}'; columns, nearest first: {known}"
            )
        if names.count(name) > 1:
            raise DataError(f"table '{file}' has {names.count(name)} columns named '{name}'")
    return Cells(content, is_text)


def _is_text(file: Path) -> bool:
    """Say whether a file is read as CSV: it does not begin like parquet, nor is it called so."""
    try:
        with file.open("rb") as opened:
            begins = opened.read(4)
    except OSError as error:
        raise DataError(f"table '{file}' cannot be read: {error}") from error
    return begins != b"PAR1" and file.suffix.lower() not in (".parquet", ".pq")


def _read_parquet(file: Path, wanted: Sequence[str]) -> tuple[list[str], pa.Table]:
    try:
        content = pa.parquet.ParquetFile(file).read()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"'{file}' cannot be read as parquet: {error}") from error
    names = content.column_names
    return names, content.select([name for name in wanted if names.count(name) == 1])


def _shown(name: str) -> str:
    return name if name == name.strip() else repr(name)


def _plain(column: pa.ChunkedArray, name: str) -> pa.Array:
    """Return one array of bool, int64, double or string; NaN becomes an empty cell.

    What no number holds exactly becomes text: whole numbers beyond 64 bits, long decimals, times.
    """
    array = column.combine_chunks()
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    while pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if pa.types.is_boolean(kind):
        return array
    if pa.types.is_integer(kind):
        highest = pc.max(array).as_py() or 0
        return array.cast(pa.string() if highest >= 2**63 else pa.int64())
    if pa.types.is_decimal(kind):
        texts = [None if cell is None else _digits(cell) for cell in array.to_pylist()]
        return as_written(pa.chunked_array([pa.array(texts, pa.string())]))
    if pa.types.is_floating(kind):
        array = pc.add(array.cast(pa.float64()), 0.0)  # -0.0 becomes 0.0
        return pc.if_else(pc.is_nan(array), pa.scalar(None, pa.float64()), array)
    if pa.types.is_null(kind):
        raise DataError(f"column '{name}' is empty")
    return _as_text(array, name)


def _digits(cell: Decimal) -> str:
    """Return all digits, without an exponent and zeros at the end.

    >>> _digits(Decimal("0.50")), _digits(Decimal("1E+3")), _digits(Decimal("-0.0"))
    ('0.5', '1000', '0')
    """
    text = f"{cell:f}" if cell else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _as_text(array: pa.Array, name: str) -> pa.Array:
    kind = array.type
    if any(is_kind(kind) for is_kind in _TO_TEXT):
        return array.cast(pa.string())
    is_bytes = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    if is_bytes or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        try:
            return array.cast(pa.string())
        except pa.ArrowInvalid as error:
            raise DataError(
                f"column '{name}' holds bytes that are no UTF-8; write it as text"
            ) from error
    raise DataError(
        f"column '{name}' holds {kind}; allowed are bool, whole and real numbers, and text"
    )


def encode_values(column: pa.ChunkedArray, name: str) -> tuple[tuple[Value, ...], np.ndarray]:
    """Return the distinct values in order, and each row's index into them."""
    encoded = pc.dictionary_encode(_plain(column, name))
    values = encoded.dictionary.to_pylist()
    endless = [value for value in values if isinstance(value, float) and math.isinf(value)]
    if endless:
        raise DataError(
            f"parameter column '{name}' holds {endless[0]}, which is no number that a run can "
            "keep; write it as text"
        )
    if not values:
        raise DataError(f"parameter column '{name}' is empty")
    order = sorted(range(len(values)), key=values.__getitem__)
    rank = np.empty(len(values), dtype=np.int32)
    rank[order] = np.arange(len(values), dtype=np.int32)
    indices = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    codes = np.where(indices < 0, ABSENT_CODE, rank[indices])
    return tuple(values[index] for index in order), codes


def read_numbers(column: pa.ChunkedArray, name: str) -> np.ndarray:
    """Return the finite numbers of a column.

    Raises:
        DataError: a cell holds none.
    """
    array = _plain(column, name)
    if pa.types.is_string(array.type):
        array = _numbers_of(array)
    if not pa.types.is_integer(array.type) and not pa.types.is_floating(array.type):
        cells = [*enumerate(array.to_pylist())]
        row, example = next((cell for cell in cells if not _is_number(cell[1])), cells[0])
        raise DataError(
            f"column '{name}' must hold numbers, but holds {array.type} such as {example!r} in "
            f"row {row} (from 0)" + _comma_advice(example)
        )
    values = np.array(array.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise DataError(
            f"column '{name}' has no finite number in {bad.size} of {values.size} rows, "
            f"first in row {bad[0]} (from 0); remove these rows or name another column"
        )
    return values


def _numbers_of(array: pa.Array) -> pa.Array:
    """Return texts as numbers; as they are where one of them says none."""
    encoded = pc.dictionary_encode(array)
    texts = encoded.dictionary.to_pylist()
    if not all(map(_is_number, texts)):
        return array
    numbers = [None if text.strip() in MISSING_NUMBERS else float(text) for text in texts]
    return pa.array(numbers, pa.float64()).take(encoded.indices)


def _is_number(cell: Value | None) -> bool:
    if not isinstance(cell, str):
        return True
    return bool(_NUMBER.fullmatch(cell)) or cell.strip() in MISSING_NUMBERS


def _comma_advice(cell: Value | None) -> str:
    if isinstance(cell, str) and _NUMBER.fullmatch(cell.replace(",", ".", 1)):
        return "; write numbers with a point, not a comma"
    return ""


def read_identities(column: pa.ChunkedArray, name: str) -> tuple[str, ...]:
    """Return the texts of a column.

    Raises:
        DataError: a cell is empty, or what it says may not tell networks apart.
    """
    array = _plain(column, name)
    if pa.types.is_string(array.type):
        array = pc.if_else(pc.equal(pc.utf8_trim_whitespace(array), ""), None, array)
    if array.null_count:
        raise DataError(f"identity column '{name}' is empty in {array.null_count} rows")
    cells = array.to_pylist()
    coarse = next((c for c in cells if isinstance(c, float) and abs(c) >= _FIRST_INEXACT), None)
    if coarse is not None:
        raise DataError(
            f"identity column '{name}' holds {coarse:.0f} as a real number, which may stand for "
            "several whole numbers; write the column as whole numbers or as text"
        )
    _check_gaps(Counter(cells), name)
    return tuple(map(str, cells))


def _check_gaps(counts: Counter[Value], name: str) -> None:
    for word in MISSING_NUMBERS:
        if counts[word] > 1:
            raise DataError(
                f"identity column '{name}' holds {word!r} in {counts[word]} rows, which would "
                "count as one network; if the word stands for an empty cell, write identities "
                "there, and if it is one, write another word"
            )
