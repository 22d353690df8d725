"""What a residual network costs, in closed form: microseconds instead of building it."""

import math
from functools import lru_cache

from timm.layers import make_divisible

from nas.models.layer_costs import (
    MAX_KEPT,
    LayerCosts,
    conv_norm,
    convolution,
    halved,
    layer_norm,
    linear,
    total_of,
)
from nas.models.residual import SQUEEZE_RATIO, ResidualPlan, ResidualStage


def residual_costs(plan: ResidualPlan, *, size: tuple[int, int]) -> dict[str, float]:
    """Return parameters, bytes, products and widths for images of (H, W) `size`."""
    size = halved(size, plan.stem_stride)
    costs = [conv_norm(plan.in_channels, plan.stem_channels, kernel=3, positions=_area(size))]
    channels = plan.stem_channels
    for stage in plan.stages:
        layer_costs, size = _stage(stage, channels, size)
        costs.append(layer_costs)
        channels = stage.channels
    costs.append(linear(channels, plan.num_classes))
    return total_of(costs).costs(num_features=channels)


@lru_cache(MAX_KEPT)
def _stage(
    stage: ResidualStage, in_channels: int, size: tuple[int, int]
) -> tuple[LayerCosts, tuple[int, int]]:
    """Return what a stage costs, and the (H, W) of the maps that it puts out."""
    costs = []
    for index in range(stage.depth):
        channels, stride = (stage.channels, 1) if index else (in_channels, stage.stride)
        before, size = _area(size), halved(size, stride)
        costs.append(_block(stage, channels, stride, before=before, after=_area(size)))
    return total_of(costs), size


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _block(
    stage: ResidualStage, in_channels: int, stride: int, *, before: int, after: int
) -> LayerCosts:
    changes = in_channels != stage.channels or stride != 1
    if stage.block == "convnext":
        return _convnext(stage, in_channels, stride, changes=changes, positions=after)
    if stage.block == "basic":
        total = _basic(stage, in_channels, positions=after)
    else:
        total = _bottleneck(stage, in_channels, before=before, after=after)
    if changes:
        total += conv_norm(in_channels, stage.channels, kernel=1, positions=after)
    return total


def _basic(stage: ResidualStage, in_channels: int, *, positions: int) -> LayerCosts:
    return (
        conv_norm(in_channels, stage.channels, kernel=stage.kernel, positions=positions)
        + conv_norm(stage.channels, stage.channels, kernel=stage.kernel, positions=positions)
        + _attention(stage.attention, stage.channels)
    )


def _bottleneck(stage: ResidualStage, in_channels: int, *, before: int, after: int) -> LayerCosts:
    inner = stage.inner_channels
    return (
        conv_norm(in_channels, inner, kernel=1, positions=before)
        + conv_norm(inner, inner, kernel=stage.kernel, positions=after)
        + _attention(stage.attention, inner)
        + conv_norm(inner, stage.channels, kernel=1, positions=after)
    )


def _convnext(
    stage: ResidualStage, in_channels: int, stride: int, *, changes: bool, positions: int
) -> LayerCosts:
    channels, inner = stage.channels, stage.inner_channels
    total = (
        convolution(
            channels,
            channels,
            kernel=stage.kernel,
            positions=positions,
            groups=channels,
            bias=True,
        )
        + layer_norm(channels)
        + linear(channels, inner, positions=positions)
        + linear(inner, channels, positions=positions)
    )
    if changes:
        kernel = 3 if stride > 1 else 1
        total += layer_norm(in_channels) + convolution(
            in_channels, channels, kernel=kernel, positions=positions, bias=True
        )
    return total


def _attention(name: str, channels: int) -> LayerCosts:
    if name == "se":
        squeezed = int(make_divisible(channels * SQUEEZE_RATIO, 8, round_limit=0.0))
        return linear(channels, squeezed) + linear(squeezed, channels)
    if name == "eca":
        # The kernel grows with the logarithm of the channels (Wang et al., 2020, equation 12).
        nearest = int(abs(math.log2(channels) + 1) / 2)
        kernel = max(nearest if nearest % 2 else nearest + 1, 3)
        return LayerCosts(kernel, num_macs=kernel * channels)
    return LayerCosts()
