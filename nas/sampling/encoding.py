"""Architectures as rows of numbers, so that thousands can be drawn, changed and compared at once.

One column per parameter of the flat space: the index of the option for a choice, the value itself
for a number, NaN where the parameter is absent. Drawing and changing follow
`nas.space.space.SearchSpace.sample` and `mutate`, row by row alike.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Architecture, Value
from nas.space.parameters import Choice, Domain, Float, Int
from nas.space.space import SearchSpace

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


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
                (
                    self._index[c.parameter],
                    np.array([self._code(c.parameter, v) for v in c.values]),
                )
                for c in parameter.conditions
            ]
            for parameter in space.parameters
        ]
        self._is_movable = np.array([d.num_values > 1 for d in self.domains], dtype=np.bool_)
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
        values: dict[str, Value] = {}
        present = np.flatnonzero(~np.isnan(row))
        for index, code in zip(present.tolist(), row[present].tolist(), strict=True):
            domain = self.domains[index]
            if isinstance(domain, Choice):
                values[self.names[index]] = domain.options[int(code)]
            else:
                values[self.names[index]] = int(code) if isinstance(domain, Int) else code
        return Architecture(values) if self.is_plain else self.space.architecture(values)

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return random rows (count, parameters), canonical."""
        return self.canonical(self._draw_full(count, rng))

    def mutate(
        self, rows: FloatArray, rng: np.random.Generator, *, num_changes: NDArray[np.int64]
    ) -> FloatArray:
        """Return a neighbour of each row: some of its active parameters take other values.

        Args:
            rows: (n, parameters) canonical rows.
            rng: draws.
            num_changes: (n,) how many parameters change, at most those that there are.
        """
        count = len(rows)
        is_absent = np.isnan(rows)
        fresh = self._draw_full(count, rng)
        full = np.where(is_absent, fresh, rows)
        # The active, movable parameters of each row in random order; the first few change.
        priority = np.where(is_absent | ~self._is_movable, 2.0, rng.random(rows.shape))
        place = priority.argsort(axis=1).argsort(axis=1)
        changes = (place < num_changes[:, None]) & (priority < 2.0)
        for index in np.flatnonzero(changes.any(axis=0)).tolist():
            which = np.flatnonzero(changes[:, index])
            full[which, index] = self._other(index, full[which, index], fresh[which, index], rng)
        return self.canonical(full)

    def canonical(self, full: FloatArray) -> FloatArray:
        """Return the rows with inactive parameters absent."""
        rows = full.copy()
        for index, conditions in enumerate(self._conditions):
            for parent, allowed in conditions:
                rows[~np.isin(rows[:, parent], allowed), index] = np.nan
        return rows

    def _code(self, name: str, value: Value) -> float:
        index = self._index[name]
        if isinstance(self.domains[index], Choice):
            return float(self._codes[index][type(value), value])
        return float(value)

    def _draw_full(self, count: int, rng: np.random.Generator) -> FloatArray:
        return np.column_stack([_draw(domain, count, rng) for domain in self.domains])

    def _other(
        self, index: int, old: FloatArray, fresh: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        domain = self.domains[index]
        if math.isinf(domain.num_values):
            return fresh
        if isinstance(domain, Choice) and (domain.weights is not None or domain.is_ordered):
            return _other_options(domain, old, rng)
        count = int(domain.num_values)
        low, step = (0.0, 1.0) if isinstance(domain, Choice) else (domain.low, domain.step or 1.0)
        place = np.rint((old - low) / step)
        return np.asarray(low + step * ((place + rng.integers(1, count, len(old))) % count))


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
