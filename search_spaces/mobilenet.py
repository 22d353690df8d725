"""The space `mobilenet`: small inverted-residual networks for small images.

Every active parameter changes the network: depth, kernel, expansion and squeeze-and-excitation of
each stage, and whether it is fused where the space offers that; the width of all, the activation,
and the side that images are resized to. A stage halves its map only where the result is large
enough for every tap of the largest kernel to meet the image: otherwise two architectures would be
one function, apart from dead weights.
"""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from nas.architecture import Architecture, Value
from nas.models.layer_costs import MAX_KEPT
from nas.models.mobilenet_costs import mobilenet_costs
from nas.models.mobilenet_plan import ACTIVATIONS, MobileNetPlan, Stage
from nas.models.rounding import make_divisible
from nas.parts import Chain
from nas.space.fitting import (
    AUTO,
    FIVE_STAGES_SIDE,
    SMALL_SIDE,
    STRIDE_SIDE,
    filled,
    largest_of,
    nearest_value,
    suited_sides,
    without_auto,
)
from nas.space.rules import (
    MAX_KERNEL,
    MAX_SIDE,
    MAX_TIMES,
    Rule,
    above,
    check_arguments,
    check_depth,
    check_parameters,
    either,
    least_map_side,
    odd,
    one_of,
    whole,
)
from nas.space.space import SearchSpace
from nas.task import DataShape

if TYPE_CHECKING:
    from torch import nn


_NUM_STAGES = 4  # of recommended networks
# Width, and whether blocks are residual.
_RECOMMENDED = ((2.0, True), (1.0, True), (1.0, False), (0.5, True), (2.8, True), (1.4, True))
_SMALL_WIDTHS = (0.125, 0.25, 0.5, 0.75, 1.0, 1.5)
_WIDTHS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8)


class MobileNetSpace(SearchSpace):
    """Inverted-residual networks.

    Args:
        parameters: the tree of parameters; the names must be those of `default_parameters`.
        channels: output channels of each stage at width 1, one number for each stage that may be.
        head_expansion: channels before pooling, in multiples of the last stage's.
        stem_stride: stride of the first convolution; 1 for images under about 56 pixels.
        stem_pool: halve the map behind it by the largest of 3x3 values, in the place of the stride
            of the first stage; where the map is large enough.
        least_map: side of the smallest map that a stage may halve to, where no kernel from there
            on reaches beyond it on both sides; None: the largest kernel of the space decides.
        divisor: output channels are rounded to multiples of it; 8 suits fast hardware kernels.

    Raises:
        SpaceError: a parameter is missing, unknown or has a value that cannot be built.
    """

    default_parameters: ClassVar[Mapping[str, Any]] = {
        "resolution": {"choice": [8, 12, 16]},
        "width": {"choice": [0.125, 0.25, 0.5, 0.75, 1.0, 1.5]},
        "activation": {"choice": ["relu", "hard_swish", "silu"]},
        "stages": {
            "repeat": {"int": [1, 4]},
            "depth": {"int": [1, 3]},
            "kernel": {"choice": [3, 5]},
            "expansion": {"choice": [1, 3, 6]},
            "squeeze_excite": {"choice": [True, False], "when": {"expansion": [3, 6]}},
        },
    }

    def __init__(
        self,
        parameters: Mapping[str, Any] | None = None,
        *,
        channels: Sequence[int] = (16, 24, 40, 96),
        head_expansion: int = 2,
        stem_stride: int = 1,
        stem_pool: bool = False,
        least_map: int | None = None,
        divisor: int = 2,
    ) -> None:
        super().__init__(parameters)
        self.channels = tuple(channels)
        self.head_expansion = head_expansion
        self.stem_stride = stem_stride
        self.stem_pool = stem_pool
        self.least_map = least_map
        self.divisor = divisor
        self._check()
        self._min_side = least_map_side(self.domains)

    @classmethod
    def fitted(cls, arguments: Mapping[str, Any], data: DataShape) -> Mapping[str, Any]:
        """Return sides, widths and stages that suit images of that size, where they are `auto`."""
        side = largest_of(arguments, "parameters.resolution.choice", min(data.input_shape[1:]))
        is_small = side <= SMALL_SIDE
        channels = (16, 24, 40, 96) if side < FIVE_STAGES_SIDE else (16, 24, 40, 96, 160)
        told = arguments.get("channels")
        most_stages = max(1, len(channels if told in (AUTO, None) else told))
        least_stages = 1 if is_small else min(most_stages, 2 if side < STRIDE_SIDE else 3)
        suited = {
            "parameters.resolution.choice": suited_sides(side),
            "parameters.width.choice": list(_SMALL_WIDTHS if is_small else _WIDTHS),
            "parameters.stages.repeat.int": [least_stages, most_stages],
            "channels": list(channels),
            "stem_stride": 2 if side >= STRIDE_SIDE else 1,
            "stem_pool": not is_small,
            "least_map": None if is_small else 2,
        }
        for offered in ("stages.fused.choice", "stages.residual.choice"):
            place = f"parameters.{offered}"
            if is_small:  # the little that convolutions cost here hides what is gained
                arguments = without_auto(arguments, place)
            suited[place] = [True, False]
        return filled(arguments, suited)

    def recommended(self) -> Sequence[Architecture]:
        """Return networks of full convolutions, as far as the space has them.

        They learnt most in little time (experiments/photos).
        """
        if not any(name.endswith(".fused") for name in self.domains):
            return ()
        named = [self._like(width, is_residual=is_residual) for width, is_residual in _RECOMMENDED]
        return list({architecture.id: architecture for architecture in named}.values())

    def _like(self, width: float, *, is_residual: bool) -> Architecture:
        """Return the network of this space that is most like what is asked for.

        Four stages of two full convolutions, with or without a shortcut over both.
        """
        wanted: dict[str, Value] = {
            "resolution": MAX_SIDE,
            "width": width,
            "activation": "hard_swish",
        }
        wanted |= {"stages.repeat": _NUM_STAGES}
        for index in range(_NUM_STAGES):
            depth, kernel, expansion, squeeze_excite, fused, residual = _names(index)
            wanted |= {depth: 1 if is_residual else 2, kernel: 3, expansion: 1}
            wanted |= {squeeze_excite: False, fused: True, residual: is_residual}
        return self.architecture(
            {
                name: nearest_value(domain, wanted[name])
                for name, domain in self.domains.items()
                if name in wanted
            }
        )

    def build(self, architecture: Architecture, data: DataShape) -> "nn.Module":
        """Return an untrained network; it takes images of side `resolution` (see `input_size`)."""
        from nas.models.mobilenet import MobileNet  # brings timm, which takes seconds to import

        return MobileNet(self.plan(architecture, data))

    def static_costs(self, architecture: Architecture, data: DataShape) -> Mapping[str, float]:
        """Return parameters, bytes and multiply-accumulates, without building."""
        return mobilenet_costs(self.plan(architecture, data))

    def parts(self, architecture: Architecture, data: DataShape) -> Chain:
        """Return stem, blocks and head."""
        from nas.models.mobilenet import mobilenet_parts

        return mobilenet_parts(self.plan(architecture, data))

    def places(self, architecture: Architecture) -> Mapping[str, str]:
        """Return the place of each block: its stage, its number in it, and its kind.

        What comes after the blocks is one place for each number of stages: it reads other maps.
        """
        named = [
            f"stages.{number}.{index}.{'fused' if stage.is_fused else 'depthwise'}"
            f"{'_wide' if stage.expansion > 1 else ''}"
            for number, stage in enumerate(self._stages(architecture))
            for index in range(stage.depth)
        ]
        places = {f"blocks.{index}": place for index, place in enumerate(named)}
        repeats = architecture["stages.repeat"]
        return places | {part: f"{part}.{repeats}" for part in ("head", "classifier")}

    def identity(self, architecture: Architecture) -> str:
        """Return the stages in numbers: widths that round to the same channels share them."""
        chosen: Mapping[str, Any] = architecture
        stages = map(_text, self._stages(chosen))
        return " ".join([str(chosen["resolution"]), chosen["activation"], *stages])

    def plan(self, architecture: Architecture, data: DataShape) -> MobileNetPlan:
        """Return the network's definition in numbers."""
        chosen: Mapping[str, Any] = architecture
        stages = self._stages(chosen)
        return MobileNetPlan(
            in_channels=data.input_shape[0],
            num_classes=data.num_classes,
            resolution=chosen["resolution"],
            stem_channels=_scaled(self.channels, chosen["width"], self.divisor)[0],
            stem_stride=self.stem_stride,
            stages=stages,
            head_channels=self.head_expansion * stages[-1].channels,
            activation=chosen["activation"],
            pools=self._pools(chosen["resolution"]),
        )

    def _stages(self, chosen: Mapping[str, Any]) -> tuple[Stage, ...]:
        side = -(-chosen["resolution"] // self.stem_stride)
        is_halved = self._pools(chosen["resolution"])
        side = -(-side // 2) if is_halved else side
        channels = _scaled(self.channels, chosen["width"], self.divisor)
        stages = []
        for index in range(chosen["stages.repeat"]):
            depth, kernel, expansion, squeeze_excite, fused, residual = _names(index)
            half = -(-side // 2)
            least = self._least_side(chosen, index)
            halves = half >= least and not (is_halved and index == 0)
            side = half if halves else side
            stages.append(
                _stage(
                    channels[index],
                    chosen[depth],
                    2 if halves else 1,
                    chosen[kernel],
                    chosen[expansion],
                    chosen.get(squeeze_excite, False),
                    chosen.get(fused, False),
                    chosen.get(residual, False),
                )
            )
        return tuple(stages)

    def _least_side(self, chosen: Mapping[str, Any], first: int) -> int:
        """Return the side of the smallest map that stages from the first on may see."""
        if self.least_map is None:
            return self._min_side
        stages = range(first, chosen["stages.repeat"])
        kernels = [int(chosen[_names(index)[1]]) for index in stages]
        return max(self.least_map, (max(kernels) + 1) // 2)

    def _pools(self, resolution: int) -> bool:
        """Say whether the map behind the first convolution is large enough to be pooled."""
        side = -(-resolution // self.stem_stride)
        return self.stem_pool and -(-side // 2) >= self._min_side

    def _check(self) -> None:
        arguments = {
            "channels": self.channels,
            "head_expansion": self.head_expansion,
            "stem_stride": self.stem_stride,
            "stem_pool": self.stem_pool,
            "divisor": self.divisor,
        }
        if self.least_map is not None:
            arguments["least_map"] = self.least_map
        rules = {
            "channels": whole(1),
            "head_expansion": whole(1, MAX_TIMES),
            "stem_stride": whole(1, MAX_KERNEL),
            "stem_pool": either(),
            "least_map": whole(1),
            "divisor": whole(1),
        }
        check_arguments(arguments, rules, space="mobilenet")
        most = len(self.channels)
        at_most = f"1 to {most}, as 'channels' has that many entries"
        stages = whole(1, most)
        parameters = {
            "resolution": whole(4, MAX_SIDE),
            "width": above(0),
            "activation": one_of(*ACTIVATIONS),
            "stages.repeat": Rule(at_most, stages.holds),
            "stages.depth": whole(1),
            "stages.kernel": odd(3),
            "stages.expansion": whole(1, MAX_TIMES),
            "stages.squeeze_excite": either(),
            "stages.fused": either(),
            "stages.residual": either(),
        }
        optional = {"stages.squeeze_excite", "stages.fused", "stages.residual"}
        check_parameters(self.domains, parameters, space="mobilenet", optional=optional)
        check_depth(self.domains, "stages.depth", space="mobilenet")


# Thousands of networks are put together from a few hundred stages.
@lru_cache(MAX_KEPT)
def _stage(
    channels: int,
    depth: int,
    stride: int,
    kernel: int,
    expansion: int,
    squeeze_excite: bool,
    is_fused: bool,
    is_residual: bool,
) -> Stage:
    # A fused block that does not widen is one convolution: nothing is there to weigh.
    weighs = squeeze_excite and not (is_fused and expansion == 1)
    return Stage(channels, depth, stride, kernel, expansion, weighs, is_fused, is_residual)


@lru_cache(MAX_KEPT)
def _text(stage: Stage) -> str:
    """Return the stage in words; those of studies from before there were such blocks stay."""
    told = repr(stage)
    for later in ("is_residual", "is_fused"):
        told = told.replace(f", {later}=False", "")
    return told


@cache
def _names(index: int) -> list[str]:
    """Return the names of the parameters of a stage."""
    words = ("depth", "kernel", "expansion", "squeeze_excite", "fused", "residual")
    return [f"stages.{index}.{word}" for word in words]


@lru_cache(MAX_KEPT)
def _scaled(channels: tuple[int, ...], width: float, divisor: int) -> tuple[int, ...]:
    return tuple(make_divisible(count * width, divisor) for count in channels)
