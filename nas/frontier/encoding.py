"""Architectures as rows of numbers, so that thousands can be drawn, changed and compared at once.

One column per parameter of the flat space: the index of the option for a choice, the value itself
for a number, NaN where the parameter is absent. Drawing and changing follow
`nas.space.space.SearchSpace.sample` and `mutate`, row by row alike.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Architecture, Value
from nas.space.parameters import Choice, Domain, Float, Int
from nas.space.space import SearchSpace

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


class Encoding:
    """Translates between architectures and rows.

    Args:
        space: the space that the architectures belong to.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.names = [parameter.name for parameter in space.parameters]
        self.domains: list[Domain] = [parameter.domain for parameter in space.parameters]
        self._index = {name: index for index, name in enumerate(self.names)}
        self._codes: list[dict[tuple[type, Value], int]] = [
            {(type(v), v): code for code, v in enumerate(d.options)}
            if isinstance(d, Choice)
            else {}
            for d in self.domains
        ]
        self._conditions = [
            [
                (self._index[c.parameter], tuple(self._code(c.parameter, v) for v in c.values))
                for c in parameter.conditions
            ]
            for parameter in space.parameters
        ]
        # Sorted by name, as architectures are.
        self._readers = [
            (name, self._index[name], _reader(self.domains[self._index[name]]))
            for name in sorted(self.names)
        ]
        self._is_movable = np.array([d.num_values > 1 for d in self.domains], dtype=np.bool_)
        self._grid = _Grid(self.domains)
        # A subclass with its own canonical form (such as a table) is asked for each architecture.
        self.is_plain = type(space).architecture is SearchSpace.architecture

    def encode(self, architecture: Mapping[str, Value]) -> FloatArray:
        """Return the row of a canonical architecture."""
        row = np.full(len(self.names), np.nan)
        for name, value in architecture.items():
            row[self._index[name]] = self._code(name, value)
        return row

    def decode(self, row: FloatArray) -> Architecture:
        """Return the canonical architecture of a row.

        Raises:
            SpaceError: the space refuses it.
        """
        codes = row.tolist()
        values: dict[str, Value] = {}
        for name, index, read in self._readers:
            code = codes[index]
            if code == code:  # not NaN: present
                values[name] = read(code)
        return Architecture(values) if self.is_plain else self.space.architecture(values)

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return random rows (count, parameters), canonical."""
        return self.canonical(self._draw_full(count, rng))

    def mutate(
        self, rows: FloatArray, rng: np.random.Generator, *, num_changes: IntArray
    ) -> FloatArray:
        """Return a neighbour of each row: some of its active parameters take other values.

        Args:
            rows: (n, parameters) canonical rows.
            rng: draws.
            num_changes: (n,) how many parameters change, 1 or more, at most those that there are.
        """
        count, width = rows.shape
        is_absent = np.isnan(rows)
        fresh = self._draw_full(count, rng)
        full = np.where(is_absent, fresh, rows)
        # The active, movable parameters of each row in random order; the first few change.
        priority = np.where(is_absent | ~self._is_movable, 2.0, rng.random(rows.shape))
        last = np.sort(priority, axis=1)[np.arange(count), np.minimum(num_changes, width) - 1]
        changes = (priority <= last[:, None]) & (priority < 2.0)
        columns, which = np.nonzero(changes.T)
        full[which, columns] = self._others(
            columns, full[which, columns], fresh[which, columns], rng
        )
        return self.canonical(full)

    def redraw(self, rows: FloatArray, column: int, rng: np.random.Generator) -> FloatArray:
        """Return rows (n, parameters), each with another value of a parameter that all have."""
        fresh = self._draw_full(len(rows), rng)
        full = np.where(np.isnan(rows), fresh, rows)
        columns = np.full(len(rows), column)
        full[:, column] = self._others(columns, full[:, column], fresh[:, column], rng)
        return self.canonical(full)

    def canonical(self, full: FloatArray) -> FloatArray:
        """Return the rows with inactive parameters absent."""
        rows = full.copy()
        # Parents stand before their children, so what is found of one stays true.
        absent: dict[tuple[int, tuple[float, ...]], BoolArray] = {}
        for index, conditions in enumerate(self._conditions):
            for condition in conditions:
                if condition not in absent:
                    absent[condition] = _is_none_of(rows[:, condition[0]], condition[1])
                rows[absent[condition], index] = np.nan
        return rows

    def _code(self, name: str, value: Value) -> float:
        index = self._index[name]
        if isinstance(self.domains[index], Choice):
            return float(self._codes[index][type(value), value])
        return float(value)

    def _draw_full(self, count: int, rng: np.random.Generator) -> FloatArray:
        rows = np.empty((count, len(self.domains)))
        for run in self._grid.drawn_together:
            if len(run) == 1:
                rows[:, run[0]] = _draw(self.domains[run[0]], count, rng)
            else:
                places = rng.integers(self._grid.counts[run][:, None], size=(len(run), count))
                rows[:, run] = self._grid.values(run, places.T)
        return rows

    def _others(
        self,
        columns: IntArray,
        old: FloatArray,
        fresh: FloatArray,
        rng: np.random.Generator,
    ) -> FloatArray:
        """Return another value for each old one, of columns in ascending order."""
        found = fresh.copy()  # of endless many any is another
        grid = self._grid
        runs = np.flatnonzero(np.diff(grid.changed_together[columns], prepend=-1))
        for part in np.split(np.arange(len(columns)), runs)[1:]:
            own = columns[part]
            domain = self.domains[own[0]]
            if isinstance(domain, Choice) and not _is_even(domain):
                found[part] = _other_options(domain, old[part], rng)
            elif not math.isinf(domain.num_values):
                turns = rng.integers(1, grid.counts[own])
                places = (grid.places(own, old[part]) + turns) % grid.counts[own]
                found[part] = grid.values(own, places)
        return found


class _Grid:
    """Domains whose values stand at even distances, for all parameters at once.

    NumPy draws the same numbers of several ranges in one call as in one call for each.

    Args:
        domains: of all parameters.

    Attributes:
        counts: how many values each has; 1 for endless many.
        drawn_together: parameters in runs: each run is one call, or one parameter of another kind.
        changed_together: for each parameter the number of its run, where values change.
    """

    def __init__(self, domains: Sequence[Domain]) -> None:
        is_endless = [math.isinf(domain.num_values) for domain in domains]
        counts = [1 if e else int(d.num_values) for d, e in zip(domains, is_endless, strict=True)]
        steps = [(0.0, 1.0) if isinstance(d, Choice) else (d.low, d.step or 1.0) for d in domains]
        self.counts = np.array(counts, dtype=np.int64)
        self._low, self._step = np.array(steps, dtype=np.float64).T
        is_drawn = [
            (d.weights is None if isinstance(d, Choice) else not d.log) and not e
            for d, e in zip(domains, is_endless, strict=True)
        ]
        is_changed = [_is_even(d) and not e for d, e in zip(domains, is_endless, strict=True)]
        runs = _runs(is_drawn)
        self.drawn_together = [np.flatnonzero(runs == run) for run in range(runs[-1] + 1)]
        self.changed_together = _runs(is_changed)

    def places(self, columns: IntArray, values: FloatArray) -> FloatArray:
        """Return the number of each value in its domain, from 0."""
        return np.asarray(np.rint((values - self._low[columns]) / self._step[columns]))

    def values(self, columns: IntArray, places: FloatArray | IntArray) -> FloatArray:
        """Return the value at each place."""
        return np.asarray(self._low[columns] + self._step[columns] * places)


def _runs(is_joined: Sequence[bool]) -> IntArray:
    """Number the runs: adjoining ones that may be joined share a number."""
    joined = np.array(is_joined, dtype=np.bool_)
    return np.cumsum(np.append(False, ~(joined[1:] & joined[:-1])))


def _is_even(domain: Domain) -> bool:
    """Say whether all changes to other values are alike."""
    return not isinstance(domain, Choice) or (domain.weights is None and not domain.is_ordered)


def _reader(domain: Domain) -> Callable[[float], Value]:
    """Return what makes a value of a code."""
    if isinstance(domain, Choice):
        options = {float(code): value for code, value in enumerate(domain.options)}
        return options.__getitem__
    return int if isinstance(domain, Int) else float


def _is_none_of(column: FloatArray, codes: tuple[float, ...]) -> BoolArray:
    is_one = np.zeros(len(column), dtype=np.bool_)
    for code in codes:
        is_one |= column == code
    return ~is_one


def _draw(domain: Domain, count: int, rng: np.random.Generator) -> FloatArray:
    """Draw values of one domain as `Domain.sample` does."""
    if isinstance(domain, Choice) and domain.weights is not None:
        options = rng.choice(len(domain.options), size=count, p=domain.probabilities())
        return options.astype(np.float64)
    if isinstance(domain, Choice):
        return rng.integers(len(domain.options), size=count).astype(np.float64)
    if isinstance(domain, Int) and domain.log:
        drawn = np.exp(rng.uniform(math.log(domain.low - 0.5), math.log(domain.high + 0.5), count))
        return np.clip(np.rint(drawn), domain.low, domain.high)
    if isinstance(domain, Float) and domain.log:
        drawn = np.exp(rng.uniform(math.log(domain.low), math.log(domain.high), count))
        return np.clip(drawn, domain.low, domain.high)
    if isinstance(domain, Float) and domain.step is None:
        return rng.uniform(domain.low, domain.high, count)
    step = domain.step or 1
    return np.asarray(
        domain.low + step * rng.integers(int(domain.num_values), size=count), dtype=np.float64
    )


def _other_options(domain: Choice, old: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Draw other options, by the weights and the order of the choice."""
    found = old.copy()
    for place in np.unique(old).astype(int).tolist():
        which = np.flatnonzero(old == place)
        found[which] = rng.choice(
            len(domain.options), size=len(which), p=domain.changes_from(place)
        )
    return found


def scaled(domain: Domain, codes: FloatArray) -> FloatArray:
    """Return codes of a numeric domain on 0..1, by magnitude if it is logarithmic."""
    if isinstance(domain, Choice):
        return codes / max(len(domain.options) - 1, 1)
    low, high = float(domain.low), float(domain.high)
    if domain.log:
        low, high, codes = math.log(low), math.log(high), np.log(codes)
    return (codes - low) / (high - low) if high > low else np.zeros_like(codes)
