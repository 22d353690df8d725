"""Which columns of a table of published results mean what: said once, checked before any is read.

The cells are read by `nas.tables.cells`; `nas.tables.table` looks architectures up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nas.errors import ConfigError


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
        rungs_continue: a cheaper training is the first part of the full one; otherwise it is a
            training of its own, and a network that goes on to the next begins again.
    """

    parameters: tuple[str, ...]
    quality: str
    size: str
    score: str | None = None
    identity: str | None = None
    facts: tuple[str, ...] = ()
    seconds: str | None = None
    rungs: tuple[TableRung, ...] = ()
    rungs_continue: bool = True

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


def checked_names(names: Sequence[str], setting: str) -> tuple[str, ...]:
    """Return a list of columns as it is.

    Raises:
        ConfigError: it is a text.
    """
    if isinstance(names, str):
        raise ConfigError(
            f"table.{setting} must be a list of columns, but got the text {names!r}; "
            f"write table.{setting}='[{names.strip('[]')}]'"
        )
    return tuple(map(str, names))  # a column may be called 0


def as_rung(rung: TableRung | Mapping[str, Any]) -> TableRung:
    """Return a rung that may have come as a mapping.

    Raises:
        ConfigError: its keys are others than `quality` and `cost`.
    """
    if isinstance(rung, TableRung):
        return rung
    if set(rung) != {"quality", "cost"}:
        raise ConfigError(
            "table.rungs must be a list of {quality: column, cost: share}, "
            f"but got {dict(rung)!r}"
        )
    return TableRung(quality=str(rung["quality"]), cost=float(rung["cost"]))


def check_columns(columns: TableColumns) -> None:
    """Refuse columns that contradict one another.

    Raises:
        ConfigError: there are no parameters, one is named twice, or an outcome is among them.
    """
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
