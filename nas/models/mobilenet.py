"""Networks of inverted residuals, assembled from timm's own blocks.

MobileNetV2's block (Sandler et al., 2018, https://arxiv.org/abs/1801.04381): widen by a pointwise
convolution, filter each channel by a depthwise one, optionally weigh the channels by
squeeze-and-excitation, narrow again, without activation. A block that does not widen is timm's
depthwise-separable block. `mobilenet_costs` counts what a network costs without building it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from timm.layers import get_act_layer, make_divisible
from timm.models._efficientnet_blocks import (
    DepthwiseSeparableConv,
    InvertedResidual,
    SqueezeExcite,
)
from timm.models._efficientnet_builder import efficientnet_init_weights
from torch import nn

# ruff: noqa: N803, N806 - names of tensors end in their shapes
# B batch, C channels, H height, W width, K classes

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
    """

    channels: int
    depth: int
    stride: int
    kernel: int
    expansion: int
    squeeze_excite: bool

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

    @property
    def inner_channels(self) -> int:
        """Channels between the pointwise convolutions, as timm rounds them."""
        if self.expansion == 1:
            return self.in_channels
        return int(make_divisible(self.in_channels * self.expansion))


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
    """

    in_channels: int
    num_classes: int
    resolution: int
    stem_channels: int
    stem_stride: int
    stages: tuple[Stage, ...]
    head_channels: int
    activation: str

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks in order."""
        channels = self.stem_channels
        for stage in self.stages:
            yield from stage.blocks(channels)
            channels = stage.channels


class MobileNet(nn.Module):
    """A network of inverted residuals: images (B, C, H, W) to logits (B, K).

    Attributes:
        input_size: (H, W) that the trainer resizes images to.
    """

    def __init__(self, plan: MobileNetPlan) -> None:
        super().__init__()
        activation = get_act_layer(plan.activation)
        self.input_size = (plan.resolution, plan.resolution)
        self.stem = _convolution(
            plan.in_channels,
            plan.stem_channels,
            kernel=3,
            stride=plan.stem_stride,
            activation=activation,
        )
        self.blocks = nn.Sequential(*(_block(block, activation) for block in plan.blocks()))
        self.head = _convolution(
            plan.stages[-1].channels,
            plan.head_channels,
            kernel=1,
            stride=1,
            activation=activation,
        )
        self.classifier = nn.Linear(plan.head_channels, plan.num_classes)
        efficientnet_init_weights(self)

    def forward(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        """Return logits (B, K)."""
        maps_BCHW = self.head(self.blocks(self.stem(images_BCHW)))
        logits_BK: torch.Tensor = self.classifier(maps_BCHW.mean((2, 3)))
        return logits_BK


def _convolution(
    in_channels: int, channels: int, *, kernel: int, stride: int, activation: type[nn.Module]
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(channels),
        activation(inplace=True),
    )


def _block(block: Block, activation: type[nn.Module]) -> nn.Module:
    squeeze = (
        partial(SqueezeExcite, rd_channels=block.squeeze_channels)
        if block.squeeze_channels
        else None
    )
    settings = {
        "dw_kernel_size": block.kernel,
        "stride": block.stride,
        "act_layer": activation,
        "se_layer": squeeze,
    }
    made: nn.Module
    if block.expansion == 1:
        made = DepthwiseSeparableConv(block.in_channels, block.channels, **settings)
    else:
        made = InvertedResidual(
            block.in_channels, block.channels, exp_ratio=block.expansion, **settings
        )
    return made
