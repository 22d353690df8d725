"""The space `resnet`: residual networks, each stage with its own kind of block.

Depth, width, kernel, kind of block (basic, bottleneck: He et al., 2016,
https://arxiv.org/abs/1512.03385; ConvNeXt's: Liu et al., 2022, https://arxiv.org/abs/2201.03545),
what is inside a block, and attention are searched for each stage. A stage halves its map only
where every tap of the largest kernel still meets the image, so that no architecture carries dead
weights.
"""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, ClassVar

from timm.layers import get_act_layer
from torch import nn

from nas.architecture import Architecture
from nas.errors import SpaceError
from nas.models.layer_costs import MAX_KEPT, halved
from nas.models.residual import (
    ATTENTIONS,
    BLOCKS,
    ResidualPlan,
    ResidualStage,
    build_residual,
    residual_parts,
    round_channels,
)
from nas.models.residual_costs import residual_costs
from nas.parts import Chain
from nas.space.fitting import STRIDE_SIDE, filled
from nas.space.rules import (
    MAX_TIMES,
    Rule,
    above,
    check_arguments,
    check_depth,
    check_parameters,
    least_map_side,
    odd,
    one_of,
    whole,
)
from nas.space.space import SearchSpace
from nas.task import DataShape

# ByobNet turns strides beyond 32 pixels into dilation: four stages and a stem may halve.
_MAX_STAGES = 4
_ANY_SIZE = (32, 32)
# Thousands of networks are put together from a few hundred stages.
_text = lru_cache(MAX_KEPT)(repr)


@lru_cache(MAX_KEPT)
def _stage(
    channels: int,
    stride: int,
    block: str,
    depth: int,
    width: float,
    kernel: int,
    bottleneck: float | None,
    expansion: int | None,
    attention: str | None,
) -> ResidualStage:
    channels = round_channels(channels * width)
    inner = channels
    if block == "bottleneck":
        assert bottleneck is not None, "a space whose blocks may be bottlenecks says how narrow"
        inner = round_channels(channels * bottleneck)
    elif block == "convnext":
        assert expansion is not None, "a space with such blocks says how wide they are"
        inner = channels * expansion
    return ResidualStage(block, channels, depth, stride, kernel, inner, attention or "none")


@cache
def _names(index: int) -> list[str]:
    """Return the names of the parameters of a stage."""
    words = ("block", "depth", "width", "kernel", "bottleneck", "expansion", "attention")
    return [f"stages.{index}.{word}" for word in words]


class ResNetSpace(SearchSpace):
    """Residual networks.

    Args:
        parameters: the tree of parameters; the names must be those of `default_parameters`.
        channels: output channels of each stage at width 1, one number for each stage that may be.
        stem_stride: stride of the first convolution; 1 for images under about 56 pixels, else 2.

    Raises:
        SpaceError: a parameter is missing, unknown or has a value that cannot be built.
    """

    default_parameters: ClassVar[Mapping[str, Any]] = {
        "activation": {"choice": ["relu", "silu", "gelu"]},
        "stages": {
            "repeat": {"int": [2, 4]},
            "depth": {"int": [1, 3]},
            "width": {"choice": [0.5, 1.0, 1.5]},
            "kernel": {"choice": [3, 5]},
            "block": {"choice": list(BLOCKS)},
            "bottleneck": {"choice": [0.25, 0.5], "when": {"block": "bottleneck"}},
            "expansion": {"choice": [2, 4], "when": {"block": "convnext"}},
            "attention": {
                "choice": list(ATTENTIONS),
                "when": {"block": ["basic", "bottleneck"]},
            },
        },
    }

    def __init__(
        self,
        parameters: Mapping[str, Any] | None = None,
        *,
        channels: Sequence[int] = (16, 32, 64, 128),
        stem_stride: int = 1,
    ) -> None:
        super().__init__(parameters)
        self.channels = tuple(channels)
        self.stem_stride = stem_stride
        self._check()
        self._min_side = least_map_side(self.domains)

    @classmethod
    def fitted(cls, arguments: Mapping[str, Any], data: DataShape) -> Mapping[str, Any]:
        """Return arguments in which what is `auto` suits images of that size."""
        is_large = min(data.input_shape[1:]) >= STRIDE_SIDE
        return filled(arguments, {"stem_stride": 2 if is_large else 1})

    def build(self, architecture: Architecture, data: DataShape) -> nn.Module:
        """Return an untrained network."""
        return build_residual(self.plan(architecture, data))

    def static_costs(self, architecture: Architecture, data: DataShape) -> Mapping[str, float]:
        """Return parameters, bytes and multiply-accumulates, without building."""
        return residual_costs(self.plan(architecture, data), size=data.input_shape[1:])

    def parts(self, architecture: Architecture, data: DataShape) -> Chain:
        """Return stem, blocks and head."""
        return residual_parts(self.plan(architecture, data))

    def identity(self, architecture: Architecture) -> str:
        """Return the stages in numbers: widths that round to the same channels share them."""
        chosen: Mapping[str, Any] = architecture
        return " ".join([chosen["activation"], *map(_text, self._stages(chosen, _ANY_SIZE))])

    def plan(self, architecture: Architecture, data: DataShape) -> ResidualPlan:
        """Return the network's definition in numbers."""
        chosen: Mapping[str, Any] = architecture
        return ResidualPlan(
            in_channels=data.input_shape[0],
            num_classes=data.num_classes,
            stem_channels=self.channels[0],
            stem_stride=self.stem_stride,
            stages=self._stages(chosen, data.input_shape[1:]),
            activation=chosen["activation"],
        )

    def _stages(
        self, chosen: Mapping[str, Any], size: tuple[int, int]
    ) -> tuple[ResidualStage, ...]:
        size = halved(size, self.stem_stride)
        stages = []
        for index in range(chosen["stages.repeat"]):
            smaller = halved(size)
            halves = min(smaller) >= self._min_side
            size = smaller if halves else size
            stride = 2 if halves else 1
            stages.append(_stage(self.channels[index], stride, *map(chosen.get, _names(index))))
        return tuple(stages)

    def _check(self) -> None:
        if self.stem_stride not in (1, 2) or not 1 <= len(self.channels) <= _MAX_STAGES:
            raise SpaceError(
                f"resnet takes stem_stride 1 or 2 and channels of 1 to {_MAX_STAGES} stages, "
                f"but got {self.stem_stride} and {list(self.channels)}"
            )
        check_arguments({"channels": self.channels}, {"channels": whole(1)}, space="resnet")
        rules = {
            "activation": Rule("a name that timm knows", _is_activation),
            "stages.repeat": whole(1, len(self.channels)),
            "stages.depth": whole(1),
            "stages.width": above(0),
            "stages.kernel": odd(3),
            "stages.block": one_of(*BLOCKS),
            "stages.bottleneck": above(0, 1),
            "stages.expansion": whole(1, MAX_TIMES),
            "stages.attention": one_of(*ATTENTIONS),
        }
        optional = {"stages.bottleneck", "stages.expansion", "stages.attention"}
        check_parameters(self.domains, rules, space="resnet", optional=optional)
        check_depth(self.domains, "stages.depth", space="resnet")
        self._check_insides()

    def _check_insides(self) -> None:
        """Refuse blocks whose inner width is not told."""
        for name, domain in self.domains.items():
            stage, _, word = name.rpartition(".")
            for block, inside in (("bottleneck", "bottleneck"), ("convnext", "expansion")):
                if word == "block" and domain.contains(block):
                    self._check_inside(f"{stage}.{inside}", stage, block)

    def _check_inside(self, name: str, stage: str, block: str) -> None:
        if name not in self.domains:
            raise SpaceError(
                f"resnet: {stage}.block may be {block}, which needs {name}; "
                f"write {{choice: [...], when: {{block: {block}}}}}"
            )


def _is_activation(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(get_act_layer(value))
    except KeyError:
        return False
