"""Networks of inverted residuals, assembled from timm's own blocks.

MobileNetV2's block (Sandler et al., 2018, https://arxiv.org/abs/1801.04381): widen by a pointwise
convolution, filter each channel by a depthwise one, optionally weigh the channels by
squeeze-and-excitation, narrow again, without activation. A block that does not widen is timm's
depthwise-separable block. A fused block (EfficientNetV2: Tan and Le, 2021,
https://arxiv.org/abs/2104.00298, section 3.2) has one full convolution in the place of the
pointwise and the depthwise one; one that does not widen is this convolution alone. A residual
block is two full convolutions with a shortcut over both (`nas.models.shortcut`).
`mobilenet_costs` counts what a network costs without building it.
"""

from collections.abc import Callable
from functools import partial

import torch
from timm.layers import get_act_layer
from timm.models._efficientnet_blocks import (
    ConvBnAct,
    DepthwiseSeparableConv,
    EdgeResidual,
    InvertedResidual,
    SqueezeExcite,
)
from timm.models._efficientnet_builder import efficientnet_init_weights
from torch import nn

from nas.models.mobilenet_plan import Block, MobileNetPlan
from nas.models.pooling import Mean
from nas.models.shortcut import ShortcutBlock
from nas.parts import Chain, NetworkPart

# ruff: noqa: N803, N806 - names of tensors end in their shapes
# B batch, C channels, H height, W width, K classes


class MobileNet(nn.Module):
    """A network of inverted residuals: images (B, C, H, W) to logits (B, K).

    Attributes:
        input_size: (H, W) that the trainer resizes images to.
    """

    def __init__(self, plan: MobileNetPlan) -> None:
        super().__init__()
        activation = get_act_layer(plan.activation)
        self.input_size = (plan.resolution, plan.resolution)
        self.stem = _stem(
            plan.in_channels, plan.stem_channels, plan.stem_stride, activation, pools=plan.pools
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
        # As torch begins linear layers: timm's way lets the logits of few classes start large,
        # which costs a short training some of its epochs.
        self.classifier.reset_parameters()

    def forward(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        """Return logits (B, K)."""
        maps_BCHW = self.head(self.blocks(self.stem(images_BCHW)))
        logits_BK: torch.Tensor = self.classifier(maps_BCHW.mean((2, 3)))
        return logits_BK


def _stem(
    in_channels: int, channels: int, stride: int, activation: type[nn.Module], *, pools: bool
) -> nn.Sequential:
    stem = _convolution(in_channels, channels, kernel=3, stride=stride, activation=activation)
    return stem.append(nn.MaxPool2d(3, 2, padding=1)) if pools else stem


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
    if block.is_residual:
        return ShortcutBlock(
            block.in_channels,
            block.channels,
            inner_channels=block.inner_channels,
            kernel=block.kernel,
            stride=block.stride,
            activation=activation,
            squeeze=squeeze,
        )
    if block.is_fused:
        return _fused(block, activation, squeeze)
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


def _fused(
    block: Block, activation: type[nn.Module], squeeze: Callable[..., nn.Module] | None
) -> nn.Module:
    made: nn.Module
    if block.expansion == 1:
        made = ConvBnAct(
            block.in_channels,
            block.channels,
            block.kernel,
            stride=block.stride,
            skip=True,
            act_layer=activation,
        )
    else:
        made = EdgeResidual(
            block.in_channels,
            block.channels,
            exp_kernel_size=block.kernel,
            stride=block.stride,
            exp_ratio=block.expansion,
            act_layer=activation,
            se_layer=squeeze,
        )
    return made


def mobilenet_parts(plan: MobileNetPlan) -> Chain:
    """Return the network as a chain: stem, blocks, and what follows them."""
    name, blocks = plan.activation, list(plan.blocks())
    stem = (plan.in_channels, plan.stem_channels, plan.stem_stride, name, plan.pools)
    head = (plan.stages[-1].channels, plan.head_channels, plan.num_classes, name)
    return Chain(
        (
            NetworkPart(stem, partial(_stem_part, *stem)),
            *(NetworkPart((block, name), partial(_block_part, block, name)) for block in blocks),
            NetworkPart(("head", *head), partial(_head_part, *head)),
        ),
        (plan.resolution, plan.resolution),
    )


def _stem_part(
    in_channels: int, channels: int, stride: int, activation: str, pools: bool
) -> nn.Module:
    return _stem(in_channels, channels, stride, get_act_layer(activation), pools=pools)


def _block_part(block: Block, activation: str) -> nn.Module:
    return _block(block, get_act_layer(activation))


def _head_part(in_channels: int, channels: int, num_classes: int, activation: str) -> nn.Module:
    make = get_act_layer(activation)
    return nn.Sequential(
        _convolution(in_channels, channels, kernel=1, stride=1, activation=make),
        Mean(2, 3),
        nn.Linear(channels, num_classes),
    )
