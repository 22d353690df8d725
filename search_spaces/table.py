"""The architectures of a published table as a search space, so that samplers run on it unchanged.

Each parameter column becomes a choice among its distinct values. Empty cells are absent positions:
where another column decides which cells are empty (a depth, a longer neighbour) this becomes a
condition, elsewhere absence is one more thing to choose. Not every combination need be in the
table: what is not cannot be built. There is no model: `nas.evaluation.tabular` looks results up.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import numpy as np

from nas.architecture import Architecture, Value
from nas.errors import SpaceError
from nas.space.parameters import Choice, Condition, Parameter
from nas.space.space import SearchSpace
from nas.tables.cells import ABSENT_CODE
from nas.tables.table import Table, open_table
from nas.task import DataShape

# Mutations tried before the nearest rows are searched: a dense table needs one or two.
MAX_MUTATIONS = 8
# Rows that count as the neighbourhood of an architecture in a table too sparse for mutation.
NUM_NEIGHBOURS = 16


class TableSpace(SearchSpace):
    """The rows of a table.

    Args:
        table: an open table, or the arguments of `nas.tables.table.open_table`.

    Raises:
        ConfigError: the columns contradict each other.
        DataError: the file cannot be used.
    """

    def __init__(self, table: Table | Mapping[str, Any]) -> None:
        self.table = table if isinstance(table, Table) else open_table(**table)
        self._absent = _absent_word(self.table)
        self.parameters, self._optional = _parameters(self.table, self._absent)
        self.domains = {p.name: p.domain for p in self.parameters}

    def build(self, architecture: Architecture, data: DataShape) -> NoReturn:  # noqa: ARG002
        """Refuse: a table holds results, not models.

        Raises:
            SpaceError: always.
        """
        raise SpaceError(
            f"'{self.table.path.name}' is a table of results and builds no model; "
            "evaluate it with evaluation=table"
        )

    def static_costs(
        self,
        architecture: Architecture,
        data: DataShape,  # noqa: ARG002
    ) -> Mapping[str, float]:
        """Return the size and the facts of the architecture's row.

        Raises:
            UnbuildableError: the table has no such row.
        """
        columns = self.table.columns
        row = self.table.existing_row(architecture)
        return {name: float(self.table.numbers[name][row]) for name in columns.known_before}

    def identity(self, architecture: Architecture) -> str:
        """Return what equal networks share: the identity column, else the architecture's id."""
        return self.table.identity(architecture)

    def architecture(self, values: Mapping[str, Value]) -> Architecture:
        """Return the canonical architecture of a genome, or of a mapping without absent positions.

        Raises:
            SpaceError: a name is unknown, an active parameter missing, or a value not allowed.
        """
        filled = {**dict.fromkeys(self._optional, self._absent), **values}
        return self._without_absent(super().architecture(filled))

    def genome(self, architecture: Architecture) -> dict[str, Value]:
        """Return a value for every parameter; optional ones may say that they are absent."""
        absent = dict.fromkeys(self._optional, self._absent)
        return {**super().genome(architecture), **absent, **architecture}

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw a row, all alike: what comes can be built, however sparse the table is."""
        rows = self.table.rows
        return self.table.architecture(int(rows[rng.integers(len(rows))]))

    def mutate(
        self, architecture: Architecture, rng: np.random.Generator, *, num_changes: int = 1
    ) -> Architecture:
        """Return a neighbour in the table; one of the nearest rows where mutation finds none."""
        genome = Architecture(self.genome(architecture))
        for _ in range(MAX_MUTATIONS):
            mutant = self._mutate_once(genome, rng, num_changes)
            if mutant != architecture and self.table.row(mutant) is not None:
                return mutant
        return self._near_row(architecture, rng)

    def num_architectures(self) -> float:
        """Return the number of distinct rows."""
        return self.table.num_rows

    def enumerate(self) -> Iterator[Architecture]:
        """Yield every distinct row once, in the file's order."""
        return map(self.table.architecture, self.table.rows.tolist())

    def _mutate_once(
        self, genome: Architecture, rng: np.random.Generator, num_changes: int
    ) -> Architecture:
        # An absent position is a gene like any other here, so that a network can also grow.
        active: dict[str, Value] = {}
        present = {p.name for p in self.parameters if self._is_reachable(p, genome)}
        movable = sorted(name for name in present if self.domains[name].num_values > 1)
        changed = {movable[i] for i in rng.permutation(len(movable))[:num_changes]}
        for parameter in self.parameters:
            if not self.is_active(parameter, active):
                continue
            name, domain = parameter.name, parameter.domain
            if name in changed:
                others = [value for value in domain.values() if value != genome[name]]
                active[name] = others[int(rng.integers(len(others)))]
            elif name in present:
                active[name] = genome[name]
            else:
                active[name] = domain.sample(rng)
        return self._without_absent(active)

    def _is_reachable(self, parameter: Parameter, genome: Mapping[str, Value]) -> bool:
        return all(genome.get(c.parameter) in c.values for c in parameter.conditions)

    def _without_absent(self, values: Mapping[str, Value]) -> Architecture:
        return Architecture(
            {
                name: value
                for name, value in values.items()
                if name not in self._optional or value != self._absent
            }
        )

    def _near_row(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        codes = self.table.codes[self.table.rows]
        distance = np.count_nonzero(codes != self.table.encode(architecture), axis=1)
        distance[distance == 0] = codes.shape[1] + 1  # itself last
        num = min(NUM_NEIGHBOURS, len(distance) - 1)
        if num < 1:
            return architecture
        nearest = np.argpartition(distance, num - 1)[:num]
        return self.table.architecture(int(self.table.rows[nearest[rng.integers(num)]]))


def _absent_word(table: Table) -> str:
    word = "absent"
    while any(word in options for options in table.options.values()):
        word = f"({word})"
    return word


def _parameters(table: Table, absent: str) -> tuple[tuple[Parameter, ...], frozenset[str]]:
    """Return the parameters, parents first, and the names of those whose absence is a choice."""
    is_present = table.codes != ABSENT_CODE
    names = list(table.options)
    whole = [i for i in range(len(names)) if is_present[:, i].all()]
    partial = [i for i in range(len(names)) if not is_present[:, i].all()]
    parameters = [Parameter(names[i], Choice(table.options[names[i]])) for i in whole]
    optional = set()
    # Emptiest last: a parent has no fewer values than its children, so nothing goes in a circle.
    partial.sort(key=lambda i: (-int(is_present[:, i].sum()), i))
    for place, child in enumerate(partial):
        options = table.options[names[child]]
        parents = [*reversed(partial[:place]), *whole]
        decider = _decider(table, is_present, child, parents)
        if decider is not None:
            parameters.append(Parameter(names[child], Choice(options), (decider,)))
            continue
        optional.add(names[child])
        longer = [
            Condition(names[parent], table.options[names[parent]])
            for parent in reversed(partial[:place])
            if not (is_present[:, child] & ~is_present[:, parent]).any()
        ]
        choice = Choice((*options, absent))
        parameters.append(Parameter(names[child], choice, tuple(longer[:1])))
    return tuple(parameters), frozenset(optional)


def _decider(
    table: Table, is_present: np.ndarray, child: int, parents: list[int]
) -> Condition | None:
    """Return the condition on one other column that says exactly where the child is present."""
    names = list(table.options)
    for parent in parents:
        if 2 * len(table.options[names[parent]]) > table.num_rows:
            continue  # nearly one value per row explains anything
        with_child = set(table.codes[is_present[:, child], parent].tolist())
        without_child = set(table.codes[~is_present[:, child], parent].tolist())
        if ABSENT_CODE not in with_child and not with_child & without_child:
            options = table.options[names[parent]]
            return Condition(names[parent], tuple(options[code] for code in sorted(with_child)))
    return None
