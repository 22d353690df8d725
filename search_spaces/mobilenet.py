"""The space `mobilenet`: small inverted-residual networks for small images.

Every active parameter changes the network: depth, kernel, expansion and squeeze-and-excitation of
each stage, the width of all, the activation, and the side that images are resized to. A stage
halves its map only where the result is large enough for every tap of the largest kernel to meet
the image: otherwise two architectures would be one function, apart from dead weights.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, ClassVar

from timm.layers import make_divisible
from torch import nn

from nas.architecture import Architecture
from nas.errors import SpaceError
from nas.models.layer_costs import MAX_KEPT
from nas.models.mobilenet import ACTIVATIONS, MobileNet, MobileNetPlan, Stage
from nas.models.mobilenet_costs import mobilenet_costs
from nas.space.space import SearchSpace
from nas.task import DataShape

_MOST = 100_000  # channels; a mistake above


class MobileNetSpace(SearchSpace):
    """Inverted-residual networks.

    Args:
        parameters: the tree of parameters; the names must be those of `default_parameters`.
        channels: output channels of each stage at width 1, one number for each stage that may be.
        head_expansion: channels before pooling, in multiples of the last stage's.
        stem_stride: stride of the first convolution; 1 for images under about 48 pixels.
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
        divisor: int = 2,
    ) -> None:
        super().__init__(parameters)
        self.channels = tuple(channels)
        self.head_expansion = head_expansion
        self.stem_stride = stem_stride
        self.divisor = divisor
        self._check()
        kernels = [v for v in self._values_of("kernel") if isinstance(v, int)]
        self._min_side = (max(kernels) + 1) // 2

    def build(self, architecture: Architecture, data: DataShape) -> nn.Module:
        """Return an untrained network; it takes images of side `resolution` (see `input_size`)."""
        return MobileNet(self.plan(architecture, data))

    def static_costs(self, architecture: Architecture, data: DataShape) -> Mapping[str, float]:
        """Return parameters, bytes and multiply-accumulates, without building."""
        return mobilenet_costs(self.plan(architecture, data))

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
        )

    def _stages(self, chosen: Mapping[str, Any]) -> tuple[Stage, ...]:
        side = -(-chosen["resolution"] // self.stem_stride)
        channels = _scaled(self.channels, chosen["width"], self.divisor)
        stages = []
        for index in range(chosen["stages.repeat"]):
            depth, kernel, expansion, squeeze_excite = _names(index)
            half = -(-side // 2)
            halves = half >= self._min_side
            side = half if halves else side
            stages.append(
                _stage(
                    channels[index],
                    chosen[depth],
                    2 if halves else 1,
                    chosen[kernel],
                    chosen[expansion],
                    chosen.get(squeeze_excite, False),
                )
            )
        return tuple(stages)

    def _values_of(self, word: str) -> list[Any]:
        """Return the values of all parameters whose last word is `word`."""
        return [
            value
            for name, domain in self.domains.items()
            if name.rpartition(".")[2] == word
            for value in domain.values()
        ]

    def _check(self) -> None:
        known = set(self.default_parameters) | {
            f"stages.{w}" for w in self.default_parameters["stages"]
        }
        known.discard("stages")
        given = {".".join(p for p in n.split(".") if not p.isdigit()) for n in self.domains}
        optional = {"stages.squeeze_excite"}
        if given - known or known - given - optional:
            raise SpaceError(
                f"mobilenet needs the parameters {', '.join(sorted(known))}; "
                f"unknown: {sorted(given - known) or 'none'}, "
                f"missing: {sorted(known - given - optional) or 'none'}"
            )
        self._check_values()

    def _check_values(self) -> None:
        numbers = {
            "channels": self.channels,
            "head_expansion": (self.head_expansion,),
            "stem_stride": (self.stem_stride,),
        }
        for name, values in numbers.items():
            if not all(_is_whole(value, 1) and value <= _MOST for value in values):
                raise SpaceError(
                    f"mobilenet: {name} must be whole numbers from 1 to {_MOST:,}, but got "
                    f"{list(values)}"
                )
        rules: dict[str, tuple[str, Callable[[Any], bool]]] = {
            "resolution": ("a whole number of at least 4", lambda v: _is_whole(v, 4)),
            "width": ("a number above 0", lambda v: isinstance(v, int | float) and v > 0),
            "activation": (f"one of {', '.join(ACTIVATIONS)}", lambda v: v in ACTIVATIONS),
            "depth": ("a whole number of at least 1", lambda v: _is_whole(v, 1)),
            "kernel": (
                "an odd whole number of at least 3",
                lambda v: _is_whole(v, 3) and v % 2 == 1,
            ),
            "expansion": ("a whole number of at least 1", lambda v: _is_whole(v, 1)),
            "squeeze_excite": ("true or false", lambda v: isinstance(v, bool)),
            "repeat": (
                f"1 to {len(self.channels)}, as 'channels' has that many entries",
                lambda v: _is_whole(v, 1) and v <= len(self.channels),
            ),
        }
        if not _is_whole(self.divisor, 1):
            raise SpaceError(
                "mobilenet: divisor must be a whole number of at least 1, "
                f"but got {self.divisor!r}"
            )
        for word, (allowed, holds) in rules.items():
            for value in self._values_of(word):
                if not holds(value):
                    raise SpaceError(f"mobilenet: {word} must be {allowed}, but got {value!r}")


# Thousands of networks are put together from a few hundred stages.
_stage = lru_cache(MAX_KEPT)(Stage)
_text = lru_cache(MAX_KEPT)(repr)


@cache
def _names(index: int) -> list[str]:
    """Return the names of the parameters of a stage."""
    return [f"stages.{index}.{w}" for w in ("depth", "kernel", "expansion", "squeeze_excite")]


@lru_cache(MAX_KEPT)
def _scaled(channels: tuple[int, ...], width: float, divisor: int) -> tuple[int, ...]:
    return tuple(int(make_divisible(count * width, divisor=divisor)) for count in channels)


def _is_whole(value: Any, minimum: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= minimum
