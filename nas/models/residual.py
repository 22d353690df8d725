"""Residual networks whose stages may differ in kind of block, through timm's `ByobNet`.

Blocks: basic and bottleneck (He et al., 2016, https://arxiv.org/abs/1512.03385) and ConvNeXt's
    (Liu et al.,
2022, https://arxiv.org/abs/2201.03545), with squeeze-and-excitation or efficient channel
attention. The stem does not halve the map unless it is told to, which timm's does. What a network
costs is counted without building it in `residual_costs`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, NamedTuple

import torch
from timm.layers import LayerNorm2d, make_divisible
from timm.models.byobnet import (
    ByoBlockCfg,
    ByobNet,
    ByoModelCfg,
    LayerFn,
    create_byob_stages,
    get_layer_fns,
)
from timm.models.convnext import ConvNeXtBlock
from torch import nn

from nas.models.layer_costs import MAX_KEPT
from nas.parts import Chain, NetworkPart

# B batch, C channels, H height, W width

BLOCKS = ("basic", "bottleneck", "convnext")
ATTENTIONS = ("none", "se", "eca")
SQUEEZE_RATIO = 0.25
_TIMM_BLOCKS = {"basic": "basic", "bottleneck": "bottle"}


class ResidualStage(NamedTuple):
    """Blocks of one kind that share a map size; a tuple, quick to look up what is kept by.

    Attributes:
        block: basic, bottleneck or convnext.
        channels: channels that each block puts out, a multiple of 8.
        depth: number of blocks, at least 1.
        stride: of the first block.
        kernel: side of the spatial convolutions, odd.
        inner_channels: channels inside a bottleneck, or between the pointwise layers of a ConvNeXt
            block; those of the stage in a basic block.
        attention: none, se or eca; none in ConvNeXt blocks.
    """

    block: str
    channels: int
    depth: int
    stride: int
    kernel: int
    inner_channels: int
    attention: str


_SMALL = ResidualStage("basic", 8, 1, 1, 3, 8, "none")


@dataclass(frozen=True)
class ResidualPlan:
    """All that defines a network.

    Attributes:
        in_channels: channels of the images.
        num_classes: number of logits.
        stem_channels: channels of the first 3x3 convolution.
        stem_stride: its stride, 1 or 2.
        stages: at least one; at most four halve the map.
        activation: timm's name: relu, silu, gelu, ...
    """

    in_channels: int
    num_classes: int
    stem_channels: int
    stem_stride: int
    stages: tuple[ResidualStage, ...]
    activation: str


@lru_cache(MAX_KEPT)
def round_channels(channels: float) -> int:
    """Return the nearest multiple of 8, at least 8, that loses no more than a tenth."""
    return int(make_divisible(channels, 8))


def build_residual(plan: ResidualPlan) -> nn.Module:
    """Return an untrained network: images (B, C, H, W) to logits (B, classes)."""
    settings = _settings(plan.stages, plan.activation, plan.stem_channels)
    model: nn.Module = ByobNet(settings, num_classes=plan.num_classes, in_chans=plan.in_channels)
    convolution = model.get_submodule("stem.conv")
    assert isinstance(convolution, nn.Conv2d), "timm's 3x3 stem is one convolution"
    convolution.stride = (plan.stem_stride, plan.stem_stride)
    return model


def _settings(stages: Sequence[ResidualStage], activation: str, stem_channels: int) -> ByoModelCfg:
    return ByoModelCfg(
        blocks=tuple(_block_settings(stage) for stage in stages),
        downsample="conv1x1",
        stem_type="3x3",
        stem_pool=None,
        stem_chs=stem_channels,
        act_layer=activation,
    )


def residual_parts(plan: ResidualPlan) -> Chain:
    """Return the network as a chain: stem, blocks, and what follows them."""
    # Stem and head are cut out of a network that is small besides; timm wants two stages.
    small = replace(plan, in_channels=1, stem_channels=8, stages=(_SMALL, _SMALL))
    stem = {name: getattr(plan, name) for name in ("in_channels", "stem_channels", "stem_stride")}
    parts = [_cut(replace(small, **stem), "stem")]
    channels = plan.stem_channels
    for stage in plan.stages:
        for index in range(stage.depth):
            block = stage._replace(depth=1, stride=1 if index else stage.stride)
            key = (channels, block, plan.activation)
            parts.append(NetworkPart(key, partial(_block, *key)))
            channels = stage.channels
    return Chain(
        (*parts, _cut(replace(small, stages=(_SMALL, _SMALL._replace(channels=channels))), "head"))
    )


def _cut(plan: ResidualPlan, name: str) -> NetworkPart:
    return NetworkPart((plan, name), partial(_submodule, plan, name))


def _submodule(plan: ResidualPlan, name: str) -> nn.Module:
    return build_residual(plan).get_submodule(name)


def _block(in_channels: int, stage: ResidualStage, activation: str) -> nn.Module:
    """Return the one block of a stage."""
    settings = _settings((stage, _SMALL), activation, in_channels)
    before = {"num_chs": in_channels, "reduction": 1, "module": ""}
    stages, _, _ = create_byob_stages(settings, 0.0, 32, before, layers=get_layer_fns(settings))
    block: nn.Module = stages[0][0]
    return block


def _block_settings(stage: ResidualStage) -> ByoBlockCfg:
    kind: Any = _TIMM_BLOCKS.get(stage.block)
    if kind is None:
        kind = partial(_ConvNeXt, inner_channels=stage.inner_channels)
    return ByoBlockCfg(
        type=kind,
        d=stage.depth,
        c=stage.channels,
        s=stage.stride,
        br=stage.inner_channels / stage.channels,
        attn_layer="" if stage.attention == "none" else stage.attention,
        attn_kwargs={"rd_ratio": SQUEEZE_RATIO} if stage.attention == "se" else {},
        block_kwargs={"kernel_size": stage.kernel},
    )


class _ConvNeXt(nn.Sequential):
    """A ConvNeXt block with the signature that `ByobNet` calls its blocks by.

    Where map or channels change, a norm and a convolution come first, as between ConvNeXt's
    stages; its 3x3 kernel, instead of 2x2, keeps odd sides in step with the other kinds. No layer
    scale: its 1e-6 would keep blocks silent throughout a short training.
    """

    def __init__(
        self,
        *,
        in_chs: int,
        out_chs: int,
        stride: int,
        kernel_size: int,
        inner_channels: int,
        layers: LayerFn,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
        **_unused: Any,
    ) -> None:
        place: dict[str, Any] = {"device": device, "dtype": dtype}
        change: list[nn.Module] = []
        if in_chs != out_chs or stride != 1:
            kernel = 3 if stride > 1 else 1
            change = [
                LayerNorm2d(in_chs, **place),
                nn.Conv2d(in_chs, out_chs, kernel, stride, kernel // 2, **place),
            ]
        block = ConvNeXtBlock(
            out_chs,
            kernel_size=kernel_size,
            mlp_ratio=inner_channels / out_chs,
            conv_mlp=True,
            ls_init_value=None,
            act_layer=layers.act,
            **place,
        )
        super().__init__(*change, block)
