"""The space `compressed`: any vision space, with compression as further parameters.

`weight_bits` (32, 8 or 4) of all convolutions and linear layers, trained as they are stored, and
`rank`, the share of the weights that each linear layer keeps as two factors. Accuracy and bytes
are those of the compressed network, so that the search itself weighs a narrow network of 32 bits
against a wide one of 4. For pruning take `elastic` as the space inside.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from torch import nn

from nas.architecture import Architecture, Value
from nas.compress.low_rank import factorise
from nas.compress.quantize import BITS, quantize_weights
from nas.errors import SpaceError
from nas.measure.cost import num_params as count_params
from nas.measure.cost import on_meta_device, size_bytes
from nas.space.rules import Rule, above, check_parameters
from nas.space.space import SearchSpace
from nas.task import DataShape

_WORDS = ("weight_bits", "rank")


class CompressedSpace(SearchSpace):
    """A space, compressed.

    Args:
        space: builds the models.
        compression: `weight_bits`, 32 for none, and `rank`, 1.0 for none; either may be absent.

    Raises:
        SpaceError: a parameter cannot be built, or has the name of one of the space.
    """

    default_compression: ClassVar[Mapping[str, Any]] = {"weight_bits": {"choice": [32, 8, 4]}}

    def __init__(self, space: SearchSpace, compression: Mapping[str, Any] | None = None) -> None:
        super().__init__(self.default_compression if compression is None else compression)
        allowed = (*BITS, 32)
        rules = {
            "weight_bits": Rule(f"one of {allowed}", lambda value: value in allowed),
            "rank": above(0, 1),
        }
        check_parameters(self.domains, rules, space="compressed", optional=set(_WORDS))
        twice = [name for name in self.domains if name in space.domains]
        if twice:
            raise SpaceError(
                f"compressed: the space inside has a parameter '{twice[0]}' of its own"
            )
        self.space = space
        self._own = self.parameters
        self.parameters = (*space.parameters, *self._own)
        self.domains = {parameter.name: parameter.domain for parameter in self.parameters}

    def build(self, architecture: Architecture, data: DataShape) -> nn.Module:
        """Return an untrained model that computes with compressed weights."""
        inner, own = self._parted(architecture)
        model = self.space.build(inner, data)
        share = float(own.get("rank", 1.0))
        linears = [name for name, m in model.named_modules() if type(m) is nn.Linear and name]
        factorise(model, dict.fromkeys(linears, share))
        bits = int(own.get("weight_bits", 32))
        if bits in BITS:
            quantize_weights(model, bits=bits)
        return model

    def static_costs(
        self, architecture: Architecture, data: DataShape
    ) -> Mapping[str, float] | None:
        """Return the space's own costs; what compression changes is counted."""
        inner, own = self._parted(architecture)
        if own.get("rank", 1.0) == 1.0 and own.get("weight_bits", 32) == 32:
            return self.space.static_costs(inner, data)
        with on_meta_device():
            model = self.build(architecture, data)
        costs = {
            "num_params": float(count_params(model)),
            "size_bytes": float(getattr(model, "stored_bytes", size_bytes(model))),
        }
        if own.get("rank", 1.0) == 1.0:
            costs = {**(self.space.static_costs(inner, data) or {}), **costs}
        return costs

    def identity(self, architecture: Architecture) -> str:
        """Return the space's own identity, and what compression adds."""
        inner, own = self._parted(architecture)
        return f"{self.space.identity(inner)} {sorted(own.items())}"

    def architecture(self, values: Mapping[str, Value]) -> Architecture:
        """Return the canonical architecture, as the space inside sees it.

        Raises:
            SpaceError: a name is unknown, an active parameter is absent, or a value not allowed.
        """
        return self._joined(super().architecture(values))

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw an architecture of the space inside, and a compression."""
        own = {p.name: p.domain.sample(rng) for p in self._own}
        return Architecture({**self.space.sample(rng), **own})

    def mutate(
        self, architecture: Architecture, rng: np.random.Generator, *, num_changes: int = 1
    ) -> Architecture:
        """Return a neighbour: a change of the network inside, or of its compression."""
        inner, own = self._parted(architecture)
        movable = [p for p in self._own if p.domain.num_values > 1]
        for _ in range(num_changes):
            place = int(rng.integers(len(movable) + len(inner)))
            if place < len(movable):
                parameter = movable[place]
                others = [v for v in parameter.domain.values() if v != own[parameter.name]]
                own[parameter.name] = others[int(rng.integers(len(others)))]
            else:
                inner = self.space.mutate(inner, rng)
        return Architecture({**inner, **own})

    def num_architectures(self) -> float:
        """Return the number of networks inside times the number of compressions."""
        own = 1.0
        for parameter in self._own:
            own *= parameter.domain.num_values
        return self.space.num_architectures() * own

    def enumerate(self) -> Iterator[Architecture]:
        """Yield every architecture once."""
        compressions = list(SearchSpace({p.name: p.domain for p in self._own}).enumerate())
        for inner in self.space.enumerate():
            for own in compressions:
                yield Architecture({**inner, **own})

    def _parted(self, architecture: Architecture) -> tuple[Architecture, dict[str, Any]]:
        names = {parameter.name for parameter in self._own}
        inner = {name: value for name, value in architecture.items() if name not in names}
        return Architecture(inner), {n: architecture[n] for n in names}

    def _joined(self, architecture: Architecture) -> Architecture:
        inner, own = self._parted(architecture)
        return Architecture({**self.space.architecture(inner), **own})
