"""What every compression of one network would cost, without compressing it.

The network is built once on the meta device and run once, to find which channels must be removed
together and how often each layer runs (`channels`). The rest is arithmetic (`inventory`), so that
a second compression of the same network costs a fraction of a millisecond.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import nn

from nas.architecture import Architecture
from nas.compress.channel_rules import RULES
from nas.compress.channels import trace_channels
from nas.compress.compression import (
    MULTIPLE,
    Compression,
    linear_layers,
    quantized_weights,
)
from nas.compress.inventory import Inventory, stored_tensors_of
from nas.compress.prune import ChannelGroup, kept_units
from nas.task import DataShape


@dataclass(frozen=True)
class CostForecast:
    """What the costs of a network depend on, so that those of its compressions can be computed.

    Attributes:
        groups: channels that must be removed together.
        inventory: its tensors and layers.
        linears: names of the layers that can be factorised.
        quantized: names of the weights that few bits store.
    """

    groups: tuple[ChannelGroup, ...]
    inventory: Inventory
    linears: tuple[str, ...]
    quantized: frozenset[str]

    def costs(self, compression: Compression) -> dict[str, float]:
        """Return parameters, bytes, products and widths of the compressed network."""
        units = {
            group.root: kept_units(group, compression.kept, multiple=MULTIPLE)
            for group in self.groups
        }
        shapes = self.inventory.shapes(self.groups, units)
        shares = dict.fromkeys(self.linears, compression.rank)
        num_bytes = self.inventory.size_bytes(
            shapes,
            shares,
            bits=compression.weight_bits if compression.is_quantizing else None,
            quantized=self.quantized,
        )
        return {
            "num_params": float(self.inventory.num_params(shapes, shares)),
            "size_bytes": float(num_bytes),
            "num_macs": float(self.inventory.num_macs(shapes, shares)),
            **self.inventory.widths(shapes, shares),
        }


@runtime_checkable
class ForecastsCosts(Protocol):
    """A space that can compute what compressions of its networks cost without building them."""

    def cost_forecast(self, architecture: Architecture, data: DataShape) -> CostForecast | None:
        """Return the forecast; None where the network must be compressed to know."""
        ...


def forecast_costs(model: nn.Module, shape: Sequence[int]) -> CostForecast | None:
    """Return the forecast of a network; None where it must be compressed to know.

    Args:
        model: on the meta device, in evaluation mode; it is not changed.
        shape: (C, H, W) of the images that it takes.
    """
    trace = trace_channels(model, shape, RULES)
    if trace is None:
        return None
    return CostForecast(
        groups=trace.groups,
        inventory=Inventory(
            stored_tensors_of(model), trace.positions, trace.attended, trace.sliding
        ),
        linears=tuple(linear_layers(model)),
        quantized=quantized_weights(model),
    )
