"""Reference points beside the winners: networks that need no search.

A hand-made network (MobileNetV3-small, Howard et al. 2019, https://arxiv.org/abs/1905.02244,
scaled to the data) and random architectures of the space at equal cost, all trained under the same
recipe.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from nas.architecture import Architecture
from nas.errors import ConfigError, UnbuildableError, nearest_first
from nas.evaluation.hand_made import HAND_MADE, KEY
from nas.finish.confirm import Winner
from nas.seeding import generator
from nas.space.space import SearchSpace

_NUM_DRAWS = 200  # architectures among which one of equal cost is looked for

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
