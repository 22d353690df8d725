"""How is a network stored that was trained to take few bytes?

A network of floats is stored as it is. One whose weights were rounded (`quantize`, `aware`) is
stored as whole numbers with a scale for each output channel. Whoever writes files asks
`storage_of`, and whoever counts bytes asks `costs_as_stored`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from nas.compress.aware import remove_rounding, rounding_bytes, stop_rounding_inputs
from nas.compress.quantize import pack, packed_bytes, store_weights, unpack, weight_bits


@dataclass(frozen=True)
class WeightStorage:
    """Weights as whole numbers.

    Attributes:
        bits: of each, 4 or 8.
    """

    bits: int

    def remove_parametrizations(self, model: nn.Module) -> None:
        """Make it an ordinary model of floats that computes the same, in place."""
        remove_rounding(model)

    def store(self, model: nn.Module) -> None:
        """Let it keep whole numbers and compute the same, in place; it cannot be trained then."""
        stop_rounding_inputs(model)
        store_weights(model, bits=self.bits)

    def num_bytes(self, model: nn.Module) -> int:
        """Return the bytes of all tensors that `pack` returns; the model may be on any device."""
        return packed_bytes(model, bits=self.bits) - rounding_bytes(model)

    def pack(self, model: nn.Module) -> dict[str, torch.Tensor]:
        """Return the tensors of a file."""
        stop_rounding_inputs(model)
        return pack(model, bits=self.bits)

    def unpack(
        self, packed: Mapping[str, torch.Tensor], shapes: Mapping[str, torch.Size]
    ) -> dict[str, torch.Tensor]:
        """Return the state dict of the plain model, whose tensors have these shapes."""
        return unpack(packed, shapes, bits=self.bits)


def storage_of(model: nn.Module) -> WeightStorage | None:
    """Return how a model is stored that was trained for it; None for one of floats."""
    bits = weight_bits(model)
    return None if bits is None else WeightStorage(bits)


def costs_as_stored(costs: Mapping[str, float], model: nn.Module) -> dict[str, float]:
    """Return static costs whose `size_bytes` are those of a file of the model.

    Args:
        costs: counted on the model as it is.
        model: on any device.
    """
    storage = storage_of(model)
    if storage is None:
        return dict(costs)
    return {**costs, "size_bytes": float(storage.num_bytes(model))}
