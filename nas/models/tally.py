"""Sums of what layers cost, for closed-form static costs.

The numbers equal those that `nas.measure.cost` counts on the built model; tests of the spaces hold
them together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

# Parts of networks whose costs are kept, some 300 bytes each: samplers look at thousands of
# networks that are put together from a few hundred.
MAX_KEPT = 20_000
_BYTES_PER_WEIGHT = 4
_BYTES_PER_NORM_COUNTER = 8  # BatchNorm's int64 num_batches_tracked


@dataclass(frozen=True)
class Tally:
    """Costs of some layers, of one image.

    Attributes:
        num_params: parameters.
        num_stored: further float buffers: running means and variances.
        num_norms: batch norms, each with a counter.
        num_macs: multiply-accumulates of convolutions, matrix products and attention.
    """

    num_params: int = 0
    num_stored: int = 0
    num_norms: int = 0
    num_macs: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.num_params + other.num_params,
            self.num_stored + other.num_stored,
            self.num_norms + other.num_norms,
            self.num_macs + other.num_macs,
        )

    def __mul__(self, times: int) -> "Tally":
        return Tally(
            self.num_params * times,
            self.num_stored * times,
            self.num_norms * times,
            self.num_macs * times,
        )

    def costs(self) -> dict[str, float]:
        """Return `num_params`, `size_bytes` (32-bit weights and buffers) and `num_macs`."""
        stored = _BYTES_PER_WEIGHT * (self.num_params + self.num_stored)
        return {
            "num_params": self.num_params,
            "size_bytes": stored + _BYTES_PER_NORM_COUNTER * self.num_norms,
            "num_macs": self.num_macs,
        }


def total_of(tallies: Sequence[Tally]) -> Tally:
    """Return the sum; quicker than adding one after another."""
    return Tally(
        sum([tally.num_params for tally in tallies]),
        sum([tally.num_stored for tally in tallies]),
        sum([tally.num_norms for tally in tallies]),
        sum([tally.num_macs for tally in tallies]),
    )


def convolution(
    in_channels: int, channels: int, *, kernel: int, positions: int, groups: int = 1, bias: bool
) -> Tally:
    """Return the cost of a square convolution that puts out `positions` pixels a channel."""
    weights = in_channels // groups * channels * kernel**2
    return Tally(weights + channels * bias, num_macs=weights * positions)


@lru_cache(MAX_KEPT)
def conv_norm(
    in_channels: int, channels: int, *, kernel: int, positions: int, groups: int = 1
) -> Tally:
    """Return the cost of a convolution without bias and of the batch norm behind it."""
    return convolution(
        in_channels, channels, kernel=kernel, positions=positions, groups=groups, bias=False
    ) + batch_norm(channels)


@lru_cache(MAX_KEPT)
def linear(in_features: int, features: int, *, positions: int = 1) -> Tally:
    """Return the cost of a linear layer with bias, applied to `positions` vectors."""
    weights = in_features * features
    return Tally(weights + features, num_macs=weights * positions)


def batch_norm(channels: int) -> Tally:
    """Return the cost of a batch norm with scale and shift."""
    return Tally(2 * channels, 2 * channels, 1)


def layer_norm(channels: int) -> Tally:
    """Return the cost of a layer norm with scale and shift."""
    return Tally(2 * channels)


def halved(size: tuple[int, int], stride: int = 2) -> tuple[int, int]:
    """Return the (height, width) after a stride with odd kernels padded by half their size."""
    return -(-size[0] // stride), -(-size[1] // stride)
