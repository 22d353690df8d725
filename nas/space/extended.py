"""A space with further parameters that are not its own: what else is decided for each network."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nas.architecture import Architecture, Value
from nas.errors import SpaceError
from nas.space.space import SearchSpace, other_value


class ExtendedSpace(SearchSpace):
    """The parameters of a space and further ones, each drawn by itself.

    Args:
        space: builds the networks.
        tree: the further parameters; none depends on another.

    Attributes:
        space: as given.

    Raises:
        SpaceError: a parameter cannot be read, or has the name of one of the space.
    """

    def __init__(self, space: SearchSpace, tree: Mapping[str, Any]) -> None:
        super().__init__(tree)
        twice = [name for name in self.domains if name in space.domains]
        if twice:
            raise SpaceError(
                f"{type(self).__name__}: the space inside has a parameter '{twice[0]}' of its own"
            )
        self.space = space
        self._own = self.parameters
        self.parameters = (*space.parameters, *self._own)
        self.shared = space.shared
        self.domains = {**space.domains, **self.domains}

    def architecture(self, values: Mapping[str, Value]) -> Architecture:
        """Return the canonical architecture, as the space inside sees it.

        Raises:
            SpaceError: a name is unknown, an active parameter is absent, or a value not allowed.
        """
        inner, own = self.parted(super().architecture(values))
        return Architecture({**self.space.architecture(inner), **own})

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw an architecture of the space inside, and the further parameters."""
        own = {p.name: p.domain.sample(rng) for p in self._own}
        return Architecture({**self.space.sample(rng), **own})

    def mutate(
        self, architecture: Architecture, rng: np.random.Generator, *, num_changes: int = 1
    ) -> Architecture:
        """Return a neighbour: a change of the network inside, or of a further parameter."""
        inner, own = self.parted(architecture)
        movable = [p for p in self._own if p.domain.num_values > 1]
        for _ in range(num_changes):
            place = int(rng.integers(len(movable) + len(inner)))
            if place < len(movable):
                parameter = movable[place]
                own[parameter.name] = other_value(parameter.domain, own[parameter.name], rng)
            else:
                inner = self.space.mutate(inner, rng)
        return Architecture({**inner, **own})

    def num_architectures(self) -> float:
        """Return the number of networks inside times that of the further settings."""
        own = 1.0
        for parameter in self._own:
            own *= parameter.domain.num_values
        return self.space.num_architectures() * own

    def enumerate(self) -> Iterator[Architecture]:
        """Yield every architecture once."""
        names = [parameter.name for parameter in self._own]
        further = list(itertools.product(*(p.domain.values() for p in self._own)))
        for inner in self.space.enumerate():
            for values in further:
                yield Architecture({**inner, **dict(zip(names, values, strict=True))})

    def parted(self, architecture: Architecture) -> tuple[Architecture, dict[str, Value]]:
        """Return the architecture of the space inside, and the further values by name."""
        names = {parameter.name for parameter in self._own}
        inner = {name: value for name, value in architecture.items() if name not in names}
        return Architecture(inner), {name: architecture[name] for name in names}
