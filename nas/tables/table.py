"""Published results as data: a file whose rows are architectures that somebody trained already.

Which columns mean what is said once (`nas.tables.columns`), checked once (`open_table`), and
looked up many times (`Table.row`). Any parquet or CSV file will do. An empty cell of a parameter
column says that the position does not exist in that architecture; what is no plain number, as
it is written, stays text (`nas.tables.text`). `search_spaces.table` makes a
space of the rows, `nas.evaluation.tabular` answers trials from them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from nas.architecture import Architecture, Value
from nas.errors import DataError, UnbuildableError
from nas.tables.cells import (
    ABSENT_CODE,
    encode_values,
    read_cells,
    read_identities,
    read_numbers,
)
from nas.tables.columns import (
    TableColumns,
    TableRung,
    as_rung,
    check_columns,
    checked_names,
)

UNKNOWN_CODE = -2


@dataclass(frozen=True)
class Table:
    """The rows of a file, one per architecture.

    Attributes:
        path: where it was read from.
        columns: which columns mean what.
        options: parameter -> its distinct values in order, numbers ascending.
        codes: (rows, parameters) index into the options, `ABSENT_CODE` where the cell is empty.
        numbers: numeric column -> (rows,) values.
        identities: (rows,) what equal networks share, as text; None without an identity column.
    """

    path: Path
    columns: TableColumns
    options: Mapping[str, tuple[Value, ...]]
    codes: np.ndarray
    numbers: Mapping[str, np.ndarray]
    identities: tuple[str, ...] | None
    _rows: Mapping[bytes, int] = field(repr=False)

    @property
    def num_rows(self) -> int:
        """How many distinct architectures there are."""
        return len(self._rows)

    @cached_property
    def rows(self) -> np.ndarray:
        """The row of each distinct architecture, in the file's order."""
        return np.fromiter(self._rows.values(), dtype=np.int64, count=len(self._rows))

    @cached_property
    def _code_of(self) -> tuple[tuple[str, dict[Value, int]], ...]:
        return tuple(
            (name, {value: code for code, value in enumerate(options)})
            for name, options in self.options.items()
        )

    def encode(self, architecture: Mapping[str, Value]) -> np.ndarray:
        """Return the (parameters,) codes; `UNKNOWN_CODE` for a value that no row has."""
        return np.array(
            [
                code_of.get(architecture[name], UNKNOWN_CODE)
                if name in architecture
                else ABSENT_CODE
                for name, code_of in self._code_of
            ],
            dtype=self.codes.dtype,
        )

    def row(self, architecture: Mapping[str, Value]) -> int | None:
        """Return the row of an architecture, or None: not every combination was trained."""
        return self._rows.get(self.encode(architecture).tobytes())

    def existing_row(self, architecture: Architecture) -> int:
        """Return the row of an architecture.

        Raises:
            UnbuildableError: there is none: not every combination was trained.
        """
        row = self.row(architecture)
        if row is None:
            raise UnbuildableError(f"'{self.path.name}' has no row for {architecture.describe()}")
        return row

    def architecture(self, row: int) -> Architecture:
        """Return the architecture of a row, absent positions left out."""
        return Architecture(
            {
                name: options[code]
                for (name, options), code in zip(
                    self.options.items(), self.codes[row].tolist(), strict=True
                )
                if code != ABSENT_CODE
            }
        )

    def identity(self, architecture: Architecture) -> str:
        """Return what equal networks share: the identity column, else the architecture's id."""
        row = None if self.identities is None else self.row(architecture)
        if row is None or self.identities is None:
            return architecture.id
        return self.identities[row]


def open_table(
    path: str | Path,
    *,
    parameters: Sequence[str],
    quality: str,
    size: str,
    score: str | None = None,
    identity: str | None = None,
    facts: Sequence[str] | None = None,
    seconds: str | None = None,
    rungs: Sequence[TableRung | Mapping[str, Any]] | None = None,
    rungs_continue: bool = True,
) -> Table:
    """Read a parquet or CSV file of trained architectures and check the columns that are named.

    The file is read once for equal arguments, as long as it does not change. Arguments are those
    of `TableColumns`; a rung may be a mapping with `quality` and `cost`.

    Raises:
        ConfigError: the names contradict each other, or a rung is ill-formed.
        DataError: the file or a column is missing, a number is absent, not finite or not a number,
            or two rows contradict each other.
    """
    columns = TableColumns(
        parameters=checked_names(parameters, "parameters"),
        quality=quality,
        size=size,
        score=score,
        identity=identity,
        facts=checked_names(facts or (), "facts"),
        seconds=seconds,
        rungs=tuple(sorted(map(as_rung, rungs or ()), key=lambda rung: rung.cost)),
        rungs_continue=rungs_continue,
    )
    check_columns(columns)
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        raise DataError(f"there is no table at '{file}'; set table.path to a parquet or CSV file")
    return _read_table(file, columns, file.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _read_table(file: Path, columns: TableColumns, _modified_ns: int) -> Table:
    cells = read_cells(file, columns)
    content = cells.content
    if content.num_rows == 0:
        raise DataError(f"table '{file}' has no rows")
    options: dict[str, tuple[Value, ...]] = {}
    codes = np.empty((content.num_rows, len(columns.parameters)), dtype=np.int32)
    for position, name in enumerate(columns.parameters):
        options[name], codes[:, position] = encode_values(cells.parameter(name), name)
    numbers = {name: read_numbers(content[name], name) for name in columns.numeric}
    _check_signs(numbers, columns)
    identities = None
    if columns.identity is not None:
        identities = read_identities(content[columns.identity], columns.identity)
    rows = _index_rows(codes, numbers, identities)
    return Table(file, columns, options, codes, numbers, identities, rows)


def _check_signs(numbers: Mapping[str, np.ndarray], columns: TableColumns) -> None:
    for name in filter(None, (columns.size, columns.seconds)):
        lowest = float(numbers[name].min())
        if lowest < 0:
            raise DataError(
                f"column '{name}' must not be negative, but its lowest value is {lowest:g}"
            )


def _index_rows(
    codes: np.ndarray,
    numbers: Mapping[str, np.ndarray],
    identities: tuple[str, ...] | None,
) -> dict[bytes, int]:
    """Return key -> row; the first of several equal rows.

    Raises:
        DataError: rows with equal parameters differ in another column.
    """
    rows: dict[bytes, int] = {}
    for row in range(len(codes)):
        first = rows.setdefault(codes[row].tobytes(), row)
        if first == row:
            continue
        for name, values in numbers.items():
            if not math.isclose(values[first], values[row], rel_tol=1e-12):
                raise DataError(
                    f"rows {first} and {row} (from 0) have equal parameters, but '{name}' is "
                    f"{values[first]:g} and {values[row]:g}; name the parameter that tells them "
                    "apart in table.parameters, or average repeated trainings first"
                )
        if identities is not None and identities[first] != identities[row]:
            raise DataError(
                f"rows {first} and {row} (from 0) have equal parameters, but the identities "
                f"'{identities[first]}' and '{identities[row]}'; name the parameter that tells "
                "them apart in table.parameters"
            )
    return rows
