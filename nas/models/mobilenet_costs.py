"""What a `mobilenet` network costs, in closed form: microseconds instead of building it.

The numbers equal those that `nas.measure.cost` counts on the built model; a test holds them equal.
Thousands of networks are put together from a few hundred stages, so what a stage costs is kept.
"""

from functools import lru_cache

from nas.models.layer_costs import MAX_KEPT, LayerCosts, conv_norm, linear, total_of
from nas.models.mobilenet_plan import Block, MobileNetPlan, Stage


def mobilenet_costs(plan: MobileNetPlan) -> dict[str, float]:
    """Return parameters, bytes, products and widths of the network that `plan` defines.

    Buffers count in `size_bytes`: each norm stores two running numbers a channel and one counter.
    """
    side = _halved(plan.resolution, plan.stem_stride)
    costs = [conv_norm(plan.in_channels, plan.stem_channels, kernel=3, positions=side**2)]
    side = _halved(side, 2) if plan.pools else side
    channels = plan.stem_channels
    for stage in plan.stages:
        layer_costs, side = _stage(stage, channels, side)
        costs.append(layer_costs)
        channels = stage.channels
    costs.append(conv_norm(channels, plan.head_channels, kernel=1, positions=side**2))
    costs.append(linear(plan.head_channels, plan.num_classes))
    return total_of(costs).costs(num_features=plan.head_channels)


@lru_cache(MAX_KEPT)
def _stage(stage: Stage, in_channels: int, side: int) -> tuple[LayerCosts, int]:
    """Return what a stage costs, and the side of the maps that it puts out."""
    costs = []
    for block in stage.blocks(in_channels):
        layer_costs, side = _block(block, side)
        costs.append(layer_costs)
    return total_of(costs), side


def _halved(side: int, stride: int) -> int:
    return -(-side // stride)  # ceil: odd kernels, padded by half their size


def _block(block: Block, side: int) -> tuple[LayerCosts, int]:
    inner = block.inner_channels
    if block.is_fused:
        return _fused(block, _halved(side, block.stride))
    total = LayerCosts()
    if block.expansion > 1:
        total += conv_norm(block.in_channels, inner, kernel=1, positions=side**2)
    side = _halved(side, block.stride)
    total += conv_norm(inner, inner, kernel=block.kernel, positions=side**2, groups=inner)
    if block.squeeze_channels:
        total += linear(inner, block.squeeze_channels) + linear(block.squeeze_channels, inner)
    return total + conv_norm(inner, block.channels, kernel=1, positions=side**2), side


def _fused(block: Block, side: int) -> tuple[LayerCosts, int]:
    """Return what a fused block costs that puts out maps of a side, and that side."""
    if block.is_residual:
        return _residual(block, side), side
    inner = block.channels if block.expansion == 1 else block.inner_channels
    total = conv_norm(block.in_channels, inner, kernel=block.kernel, positions=side**2)
    if block.expansion == 1:
        return total, side
    if block.squeeze_channels:
        total += linear(inner, block.squeeze_channels) + linear(block.squeeze_channels, inner)
    return total + conv_norm(inner, block.channels, kernel=1, positions=side**2), side


def _residual(block: Block, side: int) -> LayerCosts:
    """Return what two convolutions with a shortcut over both cost."""
    inner, positions = block.inner_channels, side**2
    total = conv_norm(block.in_channels, inner, kernel=block.kernel, positions=positions)
    total += conv_norm(inner, block.channels, kernel=block.kernel, positions=positions)
    if block.squeeze_channels:
        total += linear(inner, block.squeeze_channels) + linear(block.squeeze_channels, inner)
    if block.stride > 1 or block.in_channels != block.channels:
        total += conv_norm(block.in_channels, block.channels, kernel=1, positions=positions)
    return total
