"""The cells of a table of published results, read from parquet or CSV and checked as they come.

A parameter column becomes its distinct values and an index into them; a number must be finite.
"""

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from nas.architecture import Value
from nas.data.table_columns import TableColumns
from nas.errors import DataError, nearest_first

# Words of a CSV file that mean an empty cell; "none" is not among them: it names an operation.
EMPTY_CELLS = ["", "NaN", "nan", "NA", "null", "NULL"]
ABSENT_CODE = -1


def read_cells(file: Path, columns: TableColumns) -> pa.Table:
    """Return the columns that are named.

    Raises:
        DataError: the file cannot be read, or a column is not there once.
    """
    suffixes = [suffix.lower() for suffix in file.suffixes]
    is_csv = ".csv" in suffixes[-2:]  # .csv or .csv.gz
    try:
        if is_csv:
            options = pa.csv.ConvertOptions(null_values=EMPTY_CELLS, strings_can_be_null=True)
            content = pa.csv.read_csv(file, convert_options=options)
        else:
            content = pa.parquet.read_table(file)
    except (pa.ArrowException, OSError) as error:
        kind = "CSV" if is_csv else "parquet"
        raise DataError(f"'{file}' cannot be read as {kind}: {error}") from error
    names = content.column_names
    for name in columns.all:
        if name not in names:
            known = nearest_first(name, names)
            raise DataError(
                f"table '{file}' has no column '{name}'; columns, nearest first: {known}"
            )
        if names.count(name) > 1:
            raise DataError(f"table '{file}' has {names.count(name)} columns named '{name}'")
    return content.select(list(columns.all))


def _plain(column: pa.ChunkedArray, name: str) -> pa.Array:
    """Return one array of bool, int64, double or string; NaN becomes an empty cell."""
    array = column.combine_chunks()
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if pa.types.is_boolean(kind):
        return array
    if pa.types.is_integer(kind):
        return array.cast(pa.int64())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        array = array.cast(pa.float64())
        return pc.if_else(pc.is_nan(array), pa.scalar(None, pa.float64()), array)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return array.cast(pa.string())
    if pa.types.is_null(kind):
        raise DataError(f"column '{name}' is empty")
    raise DataError(
        f"column '{name}' holds {kind}; allowed are bool, whole and real numbers, and text"
    )


def encode_values(column: pa.ChunkedArray, name: str) -> tuple[tuple[Value, ...], np.ndarray]:
    """Return the distinct values in order, and each row's index into them."""
    encoded = pc.dictionary_encode(_plain(column, name))
    values = encoded.dictionary.to_pylist()
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
    if not pa.types.is_integer(array.type) and not pa.types.is_floating(array.type):
        cells = [*enumerate(array.to_pylist())]
        row, example = next((cell for cell in cells if not _is_number(cell[1])), cells[0])
        raise DataError(
            f"column '{name}' must hold numbers, but holds {array.type} such as {example!r} in "
            f"row {row} (from 0)"
        )
    values = np.array(array.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise DataError(
            f"column '{name}' has no finite number in {bad.size} of {values.size} rows, "
            f"first in row {bad[0]} (from 0); remove these rows or name another column"
        )
    return values


def _is_number(cell: Value | None) -> bool:
    try:
        return cell is None or math.isfinite(float(cell))
    except ValueError:
        return False


def read_identities(column: pa.ChunkedArray, name: str) -> tuple[str, ...]:
    """Return the texts of a column.

    Raises:
        DataError: a cell is empty.
    """
    array = _plain(column, name)
    if array.null_count:
        raise DataError(f"identity column '{name}' is empty in {array.null_count} rows")
    return tuple(map(str, array.to_pylist()))
