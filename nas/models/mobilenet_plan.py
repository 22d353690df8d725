"""What defines a `mobilenet` network, in numbers: enough to say what it costs.

Neither torch nor timm is imported here, which takes seconds: a search space is checked without.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from nas.models.rounding import make_divisible

# timm's names of activations without parameters of their own.
ACTIVATIONS = ("relu", "relu6", "leaky_relu", "hard_swish", "silu", "gelu", "mish")


class Stage(NamedTuple):
    """Blocks that share a map size; a tuple, since those are quick to look up what is kept by.

    Attributes:
        channels: channels that each block puts out.
        depth: number of blocks, at least 1.
        stride: of the first block; the others keep the size of the map.
        kernel: side of the depthwise kernels, odd.
        expansion: times that a block is wider inside than its input; 1 is a depthwise-separable
            block.
        squeeze_excite: weigh channels by squeeze-and-excitation.
        is_fused: one full convolution in the place of the pointwise and the depthwise one.
        is_residual: of a fused stage: each block is two full convolutions with a shortcut over
            both (`nas.models.shortcut`).
    """

    channels: int
    depth: int
    stride: int
    kernel: int
    expansion: int
    squeeze_excite: bool
    is_fused: bool = False
    is_residual: bool = False

    def blocks(self, in_channels: int) -> Iterator["Block"]:
        """Yield the blocks in order."""
        for index in range(self.depth):
            channels = self.channels if index else in_channels
            yield Block(
                in_channels=channels,
                channels=self.channels,
                stride=1 if index else self.stride,
                kernel=self.kernel,
                expansion=self.expansion,
                # EfficientNet's rule: a quarter of the block's input.
                squeeze_channels=max(4, channels // 4) if self.squeeze_excite else 0,
                is_fused=self.is_fused,
                is_residual=self.is_residual,
            )


@dataclass(frozen=True)
class Block:
    """One block of a stage: as `Stage`, with its own input channels and stride."""

    in_channels: int
    channels: int
    stride: int
    kernel: int
    expansion: int
    squeeze_channels: int  # 0: none
    is_fused: bool = False
    is_residual: bool = False

    @property
    def inner_channels(self) -> int:
        """Channels between the convolutions, as timm rounds them."""
        if self.is_residual:
            return make_divisible(self.channels * self.expansion)
        if self.expansion == 1:
            return self.in_channels
        return make_divisible(self.in_channels * self.expansion)


@dataclass(frozen=True)
class MobileNetPlan:
    """All that defines a network.

    Attributes:
        in_channels: channels of the images.
        num_classes: number of logits.
        resolution: side of the square images that the network is fed, pixels.
        stem_channels: channels of the first 3x3 convolution.
        stem_stride: its stride.
        stages: at least one.
        head_channels: channels of the last pointwise convolution, before pooling.
        activation: one of `ACTIVATIONS`.
        pools: the map is halved by the largest of 3x3 values behind the first convolution.
    """

    in_channels: int
    num_classes: int
    resolution: int
    stem_channels: int
    stem_stride: int
    stages: tuple[Stage, ...]
    head_channels: int
    activation: str
    pools: bool = False

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks in order."""
        channels = self.stem_channels
        for stage in self.stages:
            yield from stage.blocks(channels)
            channels = stage.channels
