"""Reference points beside the winners: networks that need no search.

A hand-made network (MobileNetV3-small, Howard et al. 2019, https://arxiv.org/abs/1905.02244,
scaled to the data) and random architectures of the space at equal cost, all trained under the same
recipe.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from nas.architecture import Architecture
from nas.errors import ConfigError, UnbuildableError, nearest_first
from nas.finish.confirm import Winner
from nas.seeding import generator
from nas.space.space import SearchSpace
from nas.task import DataShape

KEY = "baseline"  # the one parameter that a baseline's architecture has beside its own
HAND_MADE = ("mobilenetv3_small",)
_NUM_DRAWS = 200  # architectures among which one of equal cost is looked for
_SMALLEST_MAP = 4  # pixels of the last feature map, at least, where the image allows it

Costs = Callable[[Architecture], Mapping[str, float]]


@dataclass(frozen=True)
class Baselines:
    """Which reference points to add.

    Attributes:
        hand_made: name of a baseline -> widths, one network for each.
        num_random: winners beside which a random architecture of equal cost is put.
    """

    hand_made: Mapping[str, Sequence[float]] = field(default_factory=dict)
    num_random: int = 0


class WithBaselines(SearchSpace):
    """A search space that also builds the hand-made baselines; otherwise what it wraps.

    Args:
        space: builds everything else.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self.parameters, self.domains = space.parameters, space.domains

    def build(self, architecture: Architecture, data: DataShape) -> nn.Module:
        """Return an untrained model, of a baseline or of the space."""
        if architecture.get(KEY) in HAND_MADE:
            return mobilenetv3_small(data, width=float(architecture["width"]))
        return self._space.build(architecture, data)

    def static_costs(
        self, architecture: Architecture, data: DataShape
    ) -> Mapping[str, float] | None:
        """Return what the space knows in closed form; baselines are counted."""
        return None if KEY in architecture else self._space.static_costs(architecture, data)


def find_baselines(
    baselines: Baselines,
    space: SearchSpace,
    *,
    winners: Sequence[Winner],
    costs: Costs,
    seed: int,
) -> list[Winner]:
    """Return the reference points that are asked for.

    Args:
        baselines: which.
        space: random ones are drawn from it.
        winners: smallest first; from the largest down they get a random one beside them, since
            there a search has the most to show.
        costs: static costs of an architecture.
        seed: of the draws.
    """
    found = [
        hand_made(name, width=width)
        for name, widths in baselines.hand_made.items()
        for width in widths
    ]
    beside = list(winners)[::-1][: baselines.num_random]
    return found + random_at_equal_cost(
        space,
        sizes=[costs(winner.architecture)["size_bytes"] for winner in beside],
        costs=costs,
        known=[winner.architecture for winner in winners],
        seed=seed,
    )


def hand_made(name: str, *, width: float) -> Winner:
    """Return a hand-made baseline.

    Args:
        name: one of `HAND_MADE`.
        width: multiplies its channels, above 0.

    Raises:
        ConfigError: there is no such baseline, or the width is not above 0.
    """
    if name not in HAND_MADE:
        raise ConfigError(
            f"baselines.hand_made: there is no '{name}'; known: {nearest_first(name, HAND_MADE)}"
        )
    if not width > 0:
        raise ConfigError(f"baselines.hand_made: the width must be above 0, but got {width}")
    return Winner(f"{name} x{width:g}", Architecture({KEY: name, "width": float(width)}))


def random_at_equal_cost(
    space: SearchSpace,
    *,
    sizes: Sequence[float],
    costs: Costs,
    known: Sequence[Architecture],
    seed: int,
) -> list[Winner]:
    """Return a random architecture for each size: of 200 that are drawn, the nearest in size.

    Args:
        space: drawn from.
        sizes: `size_bytes` of the winners that they stand beside.
        costs: static costs of an architecture.
        known: architectures that are not random, and are left out.
        seed: of the draws.
    """
    if not sizes:
        return []
    rng = generator(seed, "finish", "random baselines")
    taken = {architecture.id for architecture in known}
    drawn: dict[str, tuple[float, Architecture]] = {}
    for _ in range(_NUM_DRAWS):
        architecture = space.sample(rng)
        try:
            drawn[architecture.id] = (costs(architecture)["size_bytes"], architecture)
        except UnbuildableError:
            continue
    found = []
    for number, size in enumerate(sizes):
        rest = {key: pair for key, pair in drawn.items() if key not in taken}
        if not rest:
            break
        near = min(rest, key=lambda key: (abs(math.log(rest[key][0] / size)), key))
        taken.add(near)
        found.append(Winner(f"random {number}", rest[near][1]))
    return found


def mobilenetv3_small(data: DataShape, *, width: float) -> nn.Module:
    """Return MobileNetV3-small with `width` times its channels, for images of that shape.

    Made for images of 224 pixels, it halves the map five times. Where that would leave less than
    four pixels a side, the first halvings are left out.
    """
    from timm.models.mobilenetv3 import _gen_mobilenet_v3  # takes seconds to import

    channels, *sides = data.input_shape
    settings: dict[str, Any] = {"in_chans": channels, "num_classes": data.num_classes}
    model: nn.Module = _gen_mobilenet_v3("mobilenetv3_small_100", width, **settings)
    strided = [
        module
        for module in model.modules()
        if isinstance(module, nn.Conv2d) and max(module.stride) > 1
    ]
    kept = max(0, int(math.log2(max(1, min(sides) // _SMALLEST_MAP))))
    for module in strided[: len(strided) - kept]:
        module.stride = (1, 1)
    return model
