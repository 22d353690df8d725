"""Published results as data: a file whose rows are architectures that somebody trained already.

Which columns mean what is said once (`TableColumns`), checked once (`open_table`), and looked up
many times (`Table.row`). Any parquet or CSV file will do. An empty cell of a parameter column says
that the position does not exist in that architecture. `search_spaces.table` makes a space of the
rows, `nas.evaluation.tabular` answers trials from them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from nas.architecture import Architecture, Value
from nas.errors import ConfigError, DataError, UnbuildableError, nearest_first

# Words of a CSV file that mean an empty cell; "none" is not among them: it names an operation.
EMPTY_CELLS = ["", "NaN", "nan", "NA", "null", "NULL"]
ABSENT_CODE = -1
UNKNOWN_CODE = -2


@dataclass(frozen=True)
class TableRung:
    """A column with the quality after a cheaper training.

    Attributes:
        quality: name of the column, higher is better.
        cost: share of the full training's cost, in (0, 1).
    """

    quality: str
    cost: float

    def __post_init__(self) -> None:
        if not 0 < self.cost < 1:
            raise ConfigError(
                f"table.rungs: cost of '{self.quality}' must be above 0 and below 1 (share of a "
                f"full training), but got {self.cost}"
            )


@dataclass(frozen=True)
class TableColumns:
    """Which columns of a file mean what.

    Attributes:
        parameters: the choices that make an architecture; an empty cell is an absent position.
        quality: maximised; what the search sees of a trained architecture.
        size: minimised, and known before any training.
        score: the quality on data kept for the end; looked up for the front, hidden from samplers.
        identity: equal values are one network; None takes each combination of parameters for one.
        facts: further numbers that are known before training.
        seconds: cost of a full training on the simulated clock; None counts one second for each.
        rungs: qualities after cheaper trainings.
    """

    parameters: tuple[str, ...]
    quality: str
    size: str
    score: str | None = None
    identity: str | None = None
    facts: tuple[str, ...] = ()
    seconds: str | None = None
    rungs: tuple[TableRung, ...] = ()

    @property
    def numeric(self) -> tuple[str, ...]:
        """The columns that must hold finite numbers, each once."""
        optional = [name for name in (self.score, self.seconds) if name is not None]
        rungs = [rung.quality for rung in self.rungs]
        return tuple(
            dict.fromkeys([self.quality, self.size, *optional, *self.facts, *rungs]),
        )

    @property
    def known_before(self) -> tuple[str, ...]:
        """The numbers that are known before any training: size and facts."""
        return tuple(dict.fromkeys([self.size, *self.facts]))

    @property
    def all(self) -> tuple[str, ...]:
        """Every column that is read, each once."""
        identity = [] if self.identity is None else [self.identity]
        return tuple(dict.fromkeys([*self.parameters, *self.numeric, *identity]))


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
        parameters=_names(parameters, "parameters"),
        quality=quality,
        size=size,
        score=score,
        identity=identity,
        facts=_names(facts or (), "facts"),
        seconds=seconds,
        rungs=tuple(sorted(map(_rung, rungs or ()), key=lambda rung: rung.cost)),
    )
    _check_names(columns)
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        raise DataError(f"there is no table at '{file}'; set table.path to a parquet or CSV file")
    return _read_table(file, columns, file.stat().st_mtime_ns)


def _names(names: Sequence[str], setting: str) -> tuple[str, ...]:
    if isinstance(names, str):
        raise ConfigError(
            f"table.{setting} must be a list of columns, but got the text {names!r}; "
            f"write table.{setting}='[{names.strip('[]')}]'"
        )
    return tuple(map(str, names))  # a column may be called 0


def _rung(rung: TableRung | Mapping[str, Any]) -> TableRung:
    if isinstance(rung, TableRung):
        return rung
    if set(rung) != {"quality", "cost"}:
        raise ConfigError(
            "table.rungs must be a list of {quality: column, cost: share}, "
            f"but got {dict(rung)!r}"
        )
    return TableRung(quality=str(rung["quality"]), cost=float(rung["cost"]))


def _check_names(columns: TableColumns) -> None:
    names = columns.parameters
    if not names:
        raise ConfigError("table.parameters is empty; name the columns that make an architecture")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"table.parameters names {', '.join(twice)} twice")
    if columns.quality == columns.size:
        raise ConfigError(f"table.quality and table.size both name '{columns.size}'")
    outcomes = {columns.quality, columns.score, *(rung.quality for rung in columns.rungs)}
    known = [*names, columns.size, *columns.facts]
    leaks = [name for name in known if name in outcomes]
    if leaks:
        raise ConfigError(
            f"'{leaks[0]}' is an outcome of training (quality, score or a rung) and cannot be a "
            "parameter, the size or a fact, which are known before"
        )


@lru_cache(maxsize=8)
def _read_table(file: Path, columns: TableColumns, _modified_ns: int) -> Table:
    content = _read_file(file, columns)
    if content.num_rows == 0:
        raise DataError(f"table '{file}' has no rows")
    options: dict[str, tuple[Value, ...]] = {}
    codes = np.empty((content.num_rows, len(columns.parameters)), dtype=np.int32)
    for position, name in enumerate(columns.parameters):
        options[name], codes[:, position] = _encode(content[name], name)
    numbers = {name: _numbers(content[name], name) for name in columns.numeric}
    _check_signs(numbers, columns)
    identities = None
    if columns.identity is not None:
        identities = _identities(content[columns.identity], columns.identity)
    rows = _index_rows(codes, numbers, identities)
    return Table(file, columns, options, codes, numbers, identities, rows)


def _read_file(file: Path, columns: TableColumns) -> pa.Table:
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


def _encode(column: pa.ChunkedArray, name: str) -> tuple[tuple[Value, ...], np.ndarray]:
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


def _numbers(column: pa.ChunkedArray, name: str) -> np.ndarray:
    array = _plain(column, name)
    if not pa.types.is_integer(array.type) and not pa.types.is_floating(array.type):
        example = next((value for value in array.to_pylist() if value is not None), None)
        raise DataError(
            f"column '{name}' must hold numbers, but holds {array.type} such as {example!r}"
        )
    values = np.array(array.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise DataError(
            f"column '{name}' has no finite number in {bad.size} of {values.size} rows, "
            f"first in row {bad[0]} (from 0); remove these rows or name another column"
        )
    return values


def _check_signs(numbers: Mapping[str, np.ndarray], columns: TableColumns) -> None:
    for name in filter(None, (columns.size, columns.seconds)):
        lowest = float(numbers[name].min())
        if lowest < 0:
            raise DataError(
                f"column '{name}' must not be negative, but its lowest value is {lowest:g}"
            )


def _identities(column: pa.ChunkedArray, name: str) -> tuple[str, ...]:
    array = _plain(column, name)
    if array.null_count:
        raise DataError(f"identity column '{name}' is empty in {array.null_count} rows")
    return tuple(map(str, array.to_pylist()))


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
