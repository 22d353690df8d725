"""Sums of what layers cost, for closed-form static costs.

The numbers equal those that `nas.measure.cost` counts on the built model; tests of the spaces hold
them together.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from nas.widths import Layer, widths_from

# Parts of networks whose costs are cached, some 300 bytes each: samplers consider thousands of
# networks that are put together from a few hundred parts.
MAX_KEPT = 20_000
_BYTES_PER_WEIGHT = 4
_BYTES_PER_NORM_COUNTER = 8  # BatchNorm's int64 num_batches_tracked


@dataclass(frozen=True)
class LayerCosts:
    """Costs of some layers, of one image.

    Attributes:
        num_params: parameters.
        num_stored: further float buffers: running means and variances.
        num_norms: batch norms, each with a counter.
        num_macs: multiply-accumulates of convolutions, matrix products and attention.
        num_layers: layers whose width counts (`nas.widths`).
        log_width: sum of the decimal logarithms of their widths.
        min_width: the smallest of these.
    """

    num_params: int = 0
    num_stored: int = 0
    num_norms: int = 0
    num_macs: int = 0
    num_layers: int = 0
    log_width: float = 0.0
    min_width: float = math.inf

    def __add__(self, other: "LayerCosts") -> "LayerCosts":
        return LayerCosts(
            self.num_params + other.num_params,
            self.num_stored + other.num_stored,
            self.num_norms + other.num_norms,
            self.num_macs + other.num_macs,
            self.num_layers + other.num_layers,
            self.log_width + other.log_width,
            min(self.min_width, other.min_width),
        )

    def __mul__(self, times: int) -> "LayerCosts":
        return LayerCosts(
            self.num_params * times,
            self.num_stored * times,
            self.num_norms * times,
            self.num_macs * times,
            self.num_layers * times,
            self.log_width * times,
            self.min_width,
        )

    def costs(self, *, num_features: int) -> dict[str, float]:
        """Return `num_params`, `size_bytes` (32-bit weights and buffers), `num_macs` and widths.

        Args:
            num_features: what the last layer of the network sees.
        """
        stored = _BYTES_PER_WEIGHT * (self.num_params + self.num_stored)
        return {
            "num_params": self.num_params,
            "size_bytes": stored + _BYTES_PER_NORM_COUNTER * self.num_norms,
            "num_macs": self.num_macs,
            **widths_from(
                num_layers=self.num_layers,
                log_width=self.log_width,
                min_width=self.min_width,
                num_features=num_features,
            ),
        }


def total_of(costs: Sequence[LayerCosts]) -> LayerCosts:
    """Return the sum; quicker than adding one after another."""
    return LayerCosts(
        sum([layer_costs.num_params for layer_costs in costs]),
        sum([layer_costs.num_stored for layer_costs in costs]),
        sum([layer_costs.num_norms for layer_costs in costs]),
        sum([layer_costs.num_macs for layer_costs in costs]),
        sum([layer_costs.num_layers for layer_costs in costs]),
        sum([layer_costs.log_width for layer_costs in costs]),
        min([layer_costs.min_width for layer_costs in costs], default=math.inf),
    )


def convolution(
    in_channels: int, channels: int, *, kernel: int, positions: int, groups: int = 1, bias: bool
) -> LayerCosts:
    """Return the cost of a square convolution that puts out `positions` pixels a channel."""
    weights = in_channels // groups * channels * kernel**2
    return _layer(channels, weights, weights + channels * bias, positions)


@lru_cache(MAX_KEPT)
def conv_norm(
    in_channels: int, channels: int, *, kernel: int, positions: int, groups: int = 1
) -> LayerCosts:
    """Return the cost of a convolution without bias and of the batch norm behind it."""
    return convolution(
        in_channels, channels, kernel=kernel, positions=positions, groups=groups, bias=False
    ) + batch_norm(channels)


@lru_cache(MAX_KEPT)
def linear(in_features: int, features: int, *, positions: int = 1) -> LayerCosts:
    """Return the cost of a linear layer with bias, applied to `positions` vectors."""
    weights = in_features * features
    return _layer(features, weights, weights + features, positions)


def _layer(width: int, weights: int, num_params: int, positions: int) -> LayerCosts:
    """Return the cost of a layer that puts out `positions` vectors of `width` numbers."""
    is_counted = Layer(0, width, positions).is_counted
    return LayerCosts(
        num_params,
        num_macs=weights * positions,
        num_layers=int(is_counted),
        log_width=math.log10(width) if is_counted else 0.0,
        min_width=width if is_counted else math.inf,
    )


def batch_norm(channels: int) -> LayerCosts:
    """Return the cost of a batch norm with scale and shift."""
    return LayerCosts(2 * channels, 2 * channels, 1)


def layer_norm(channels: int) -> LayerCosts:
    """Return the cost of a layer norm with scale and shift."""
    return LayerCosts(2 * channels)


def halved(size: tuple[int, int], stride: int = 2) -> tuple[int, int]:
    """Return the (height, width) after a stride with odd kernels padded by half their size."""
    return -(-size[0] // stride), -(-size[1] // stride)
