"""What a `mobilenet` network costs, in closed form: microseconds instead of building it.

The numbers equal those that `nas.measure.cost` counts on the built model; a test holds them equal.
"""

from dataclasses import dataclass

from nas.models.mobilenet import Block, MobileNetPlan

_BYTES_PER_WEIGHT = 4
_BYTES_PER_NORM_COUNTER = 8  # BatchNorm's int64 num_batches_tracked


@dataclass(frozen=True)
class _Tally:
    """Sums over layers.

    Attributes:
        weights: parameters, those of norms left out.
        normed: channels that a batch norm follows.
        norms: number of batch norms.
        macs: multiply-accumulates of convolutions and the classifier, one image.
    """

    weights: int = 0
    normed: int = 0
    norms: int = 0
    macs: int = 0

    def __add__(self, other: "_Tally") -> "_Tally":
        return _Tally(
            self.weights + other.weights,
            self.normed + other.normed,
            self.norms + other.norms,
            self.macs + other.macs,
        )


def mobilenet_costs(plan: MobileNetPlan) -> dict[str, float]:
    """Return `num_params`, `size_bytes` and `num_macs` of the network that `plan` defines.

    Buffers count in `size_bytes`: each norm stores two running numbers a channel and one counter.
    """
    side = _halved(plan.resolution, plan.stem_stride)
    total = _convolution(9 * plan.in_channels, plan.stem_channels, side=side)
    for block in plan.blocks():
        tally, side = _block(block, side)
        total += tally
    total += _convolution(plan.stages[-1].channels, plan.head_channels, side=side)
    classifier = plan.head_channels * plan.num_classes
    total += _Tally(weights=classifier + plan.num_classes, macs=classifier)
    num_params = total.weights + 2 * total.normed
    num_buffers = 2 * total.normed
    return {
        "num_params": num_params,
        "size_bytes": _BYTES_PER_WEIGHT * (num_params + num_buffers)
        + _BYTES_PER_NORM_COUNTER * total.norms,
        "num_macs": total.macs,
    }


def _halved(side: int, stride: int) -> int:
    return -(-side // stride)  # ceil: odd kernels, padded by half their size


def _convolution(inputs_per_output: int, channels: int, *, side: int) -> _Tally:
    weights = inputs_per_output * channels
    return _Tally(weights, channels, 1, weights * side * side)


def _block(block: Block, side: int) -> tuple[_Tally, int]:
    inner = block.inner_channels
    total = _Tally()
    if block.expansion > 1:
        total += _convolution(block.in_channels, inner, side=side)
    side = _halved(side, block.stride)
    total += _convolution(block.kernel**2, inner, side=side)
    if block.squeeze_channels:
        products = 2 * inner * block.squeeze_channels
        total += _Tally(weights=products + inner + block.squeeze_channels, macs=products)
    return total + _convolution(inner, block.channels, side=side), side
