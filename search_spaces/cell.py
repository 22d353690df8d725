"""The space `cell`: the 15,625 cells of NAS-Bench-201, to be trained here.

Dong and Yang, 2020, https://arxiv.org/abs/2001.00326. With 16 channels and 5 cells a stage the
networks are those of the published table, so that a search on real training can be held against
it; smaller ones train in seconds. Edges that carry nothing from the input of the cell to its
output would leave dead weights: they become `none`, so that such cells are one architecture, the
smallest of its kind.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from torch import nn

from nas.architecture import Architecture, Value
from nas.models.cell import (
    EDGES,
    OPERATIONS,
    CellNet,
    CellPlan,
    cell_costs,
    cell_expression,
    cell_parts,
    live_edges,
)
from nas.parts import Chain
from nas.space.rules import check_arguments, check_parameters, one_of, whole
from nas.space.space import SearchSpace
from nas.task import DataShape

# What a dead edge becomes, the first that its choice allows.
_REST = ("none", "skip", "avgpool")
_MAX_MUTATIONS = 100
MAX_CELLS = 100  # in a stage; each has up to six convolutions


class CellSpace(SearchSpace):
    """Networks of equal cells.

    Args:
        parameters: one choice of operations for each of the six edges; `eXY` goes from node X to
            node Y.
        channels: of the first stage; it doubles twice.
        num_cells: cells in each of the three stages.

    Raises:
        SpaceError: an edge is missing or unknown, or an operation is.
    """

    default_parameters: ClassVar[Mapping[str, Any]] = {
        edge: {"choice": list(OPERATIONS)} for edge in EDGES
    }

    def __init__(
        self,
        parameters: Mapping[str, Any] | None = None,
        *,
        channels: int = 16,
        num_cells: int = 5,
    ) -> None:
        super().__init__(parameters)
        self.channels = channels
        self.num_cells = num_cells
        check_arguments(
            {"channels": channels, "num_cells": num_cells},
            {"channels": whole(1), "num_cells": whole(1, MAX_CELLS)},
            space="cell",
        )
        check_parameters(self.domains, dict.fromkeys(EDGES, one_of(*OPERATIONS)), space="cell")

    def build(self, architecture: Architecture, data: DataShape) -> nn.Module:
        """Return an untrained network."""
        return CellNet(self.plan(architecture, data))

    def static_costs(self, architecture: Architecture, data: DataShape) -> Mapping[str, float]:
        """Return parameters, bytes and multiply-accumulates, without building."""
        return cell_costs(self.plan(architecture, data), size=data.input_shape[1:])

    def parts(self, architecture: Architecture, data: DataShape) -> Chain:
        """Return stem, cells, what lies between stages, and head."""
        return cell_parts(self.plan(architecture, data))

    def plan(self, architecture: Architecture, data: DataShape) -> CellPlan:
        """Return the network's definition."""
        return CellPlan(
            in_channels=data.input_shape[0],
            num_classes=data.num_classes,
            channels=self.channels,
            num_cells=self.num_cells,
            operations={edge: str(architecture[edge]) for edge in EDGES},
        )

    def identity(self, architecture: Architecture) -> str:
        """Return what the cell computes, and its convolutions.

        The text alone would call two convolutions of one map the same as one convolution used
        twice.
        """
        operations = {edge: str(architecture[edge]) for edge in EDGES}
        live = sorted(operations[edge] for edge in live_edges(operations))
        convolutions = [operation for operation in live if operation.startswith("conv")]
        return f"{cell_expression(operations)} {' '.join(convolutions)}"

    def architecture(self, values: Mapping[str, Value]) -> Architecture:
        """Return the cell with its dead edges put to rest.

        Raises:
            SpaceError: an edge is unknown or missing, or its operation not allowed.
        """
        return self._at_rest(super().architecture(values))

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw a cell, each edge from its choice."""
        return self._at_rest(super().sample(rng))

    def mutate(
        self, architecture: Architecture, rng: np.random.Generator, *, num_changes: int = 1
    ) -> Architecture:
        """Return a neighbour; a change of a dead edge alone is no change and drawn again."""
        for _ in range(_MAX_MUTATIONS):
            mutant = super().mutate(architecture, rng, num_changes=num_changes)
            if self._at_rest(mutant) != architecture:
                return self._at_rest(mutant)
        return architecture

    def enumerate(self) -> Iterator[Architecture]:
        """Yield every cell without dead edges once."""
        return iter(self._all)

    def num_architectures(self) -> float:
        """Return the number of cells without dead edges."""
        return len(self._all)

    @cached_property
    def _all(self) -> tuple[Architecture, ...]:
        return tuple(dict.fromkeys(map(self._at_rest, super().enumerate())))

    def _at_rest(self, architecture: Architecture) -> Architecture:
        operations = {edge: str(architecture[edge]) for edge in EDGES}
        live = live_edges(operations)
        return Architecture(
            {
                edge: operation if edge in live else self._resting(edge)
                for edge, operation in operations.items()
            }
        )

    def _resting(self, edge: str) -> str:
        allowed = [str(value) for value in self.domains[edge].values()]
        return next((operation for operation in _REST if operation in allowed), allowed[0])
