"""From a space to its supernet: which networks it has at its ends, and weights for all of them."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby

import numpy as np
from torch import Tensor, nn

from nas.architecture import Architecture, Value
from nas.errors import ConfigError, UnbuildableError
from nas.measure.cost import input_size, on_meta_device
from nas.seeding import generator
from nas.space.parameters import Choice, Domain
from nas.space.space import SearchSpace, filler
from nas.task import DataShape
from nas.train.correspondence import Shape
from nas.train.shared_weights import SharedWeights, enlarged, merged_shapes, shared_name
from nas.train.supernet import Family

NUM_LOOKED_AT = 96  # networks, most of them large, whose shapes say how large the weights are
_CHANGED = 0.4  # chance that a kind of parameter of such a network is not the largest


def supernet_of(
    space: SearchSpace, shape: DataShape, *, seed: int
) -> tuple[Family, SharedWeights]:
    """Return the networks of a space as a family, and first weights that they can share.

    Args:
        space: which says the places of parts.
        shape: of the data.
        seed: of the networks that are looked at; the weights follow torch's own generator.

    Raises:
        ConfigError: the space does not say the places.
    """
    check_places(space)
    looked_at = list(_looked_at(space, generator(seed, "supernet")))
    sizes: dict[Architecture, int] = {}
    shapes: dict[Architecture, dict[str, Shape]] = {}
    with on_meta_device():
        for architecture in looked_at:
            model = _built(space, architecture, shape)
            if model is not None:
                sizes[architecture] = sum(p.numel() for p in model.parameters())
                shapes[architecture] = _shared_shapes(space, architecture, model)
    smallest, largest = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
    family = Family(
        build=partial(_build, space, shape),
        places=partial(_places, space),
        draw=partial(_draw, space, shape),
        largest=largest,
        smallest=smallest,
        input_size=partial(input_size, data=shape),
    )
    return family, SharedWeights(_first_weights(family, shapes))


def check_places(space: SearchSpace) -> None:
    """Refuse a space whose networks share no weights as far as it says.

    Raises:
        ConfigError: it does not say the places of parts.
    """
    if space.places(space.sample(generator(0, "supernet"))) is None:
        raise ConfigError(
            f"evaluation=supernet: {type(space).__name__} does not say which parts of its "
            "networks share weights; take search_space=mobilenet or vit, define `places` in the "
            "space, or take training.inherit=true, which asks nothing of a space"
        )


def _build(space: SearchSpace, shape: DataShape, architecture: Architecture) -> nn.Module:
    return space.build(architecture, shape)


def _built(space: SearchSpace, architecture: Architecture, shape: DataShape) -> nn.Module | None:
    try:
        return space.build(architecture, shape)
    except UnbuildableError:
        return None


def _places(space: SearchSpace, architecture: Architecture) -> Mapping[str, str]:
    return space.places(architecture) or {}


def _draw(space: SearchSpace, shape: DataShape, rng: np.random.Generator) -> Architecture:
    """Return a network that can be built."""
    while True:
        drawn = space.sample(rng)
        with on_meta_device():
            if _built(space, drawn, shape) is not None:
                return drawn


def _shared_shapes(
    space: SearchSpace, architecture: Architecture, model: nn.Module
) -> dict[str, Shape]:
    places = _places(space, architecture)
    return {shared_name(n, places): tuple(p.shape) for n, p in model.named_parameters()}


def _first_weights(
    family: Family, shapes: Mapping[Architecture, Mapping[str, Shape]]
) -> dict[str, Tensor]:
    """Return for each place the values of the network that has most there, enlarged if need be."""
    wanted = merged_shapes(shapes.values())
    richest: dict[str, tuple[int, Architecture]] = {}
    for architecture, known in shapes.items():
        for name, shape in known.items():
            count = int(np.prod(shape))
            if len(shape) == len(wanted[name]) and count > richest.get(name, (-1,))[0]:
                richest[name] = (count, architecture)
    found: dict[str, Tensor] = {}
    givers = sorted(richest, key=lambda name: richest[name][1].id)
    for architecture, names in groupby(givers, key=lambda name: richest[name][1]):
        model, places = family.build(architecture), family.places(architecture)
        own = {shared_name(n, places): p.detach() for n, p in model.named_parameters()}
        found |= {name: enlarged(own[name], wanted[name]) for name in names}
    return found


def _looked_at(space: SearchSpace, rng: np.random.Generator) -> Iterator[Architecture]:
    """Yield the network of all largest values, that of all smallest, and many between."""
    kinds = {_kind(name) for name in space.domains}
    for end in (True, False):
        values = {name: _end(domain, is_high=end) for name, domain in space.domains.items()}
        yield _of(space, values)
    for _ in range(NUM_LOOKED_AT):
        changed = {kind for kind in kinds if rng.random() < _CHANGED}
        place = {kind: rng.random() for kind in sorted(kinds)}
        values = {
            name: _at(domain, place[_kind(name)])
            if _kind(name) in changed
            else _end(domain, is_high=True)
            for name, domain in space.domains.items()
        }
        yield _of(space, values)


def _of(space: SearchSpace, values: Mapping[str, Value]) -> Architecture:
    names = {parameter.name for parameter in space.parameters}
    return space.architecture({n: v for n, v in values.items() if n in names})


def _kind(name: str) -> str:
    """Return a parameter's name without the number of its stage or layer."""
    return ".".join(word for word in name.split(".") if not word.isdecimal())


def _ordered(domain: Domain) -> Sequence[Value]:
    values = domain.values()
    numeric = all(isinstance(value, int | float) for value in values)
    return sorted(values) if numeric else values


def _end(domain: Domain, *, is_high: bool) -> Value:
    if not isinstance(domain, Choice) and np.isinf(domain.num_values):
        return filler(domain)
    return _ordered(domain)[-1 if is_high else 0]


def _at(domain: Domain, place: float) -> Value:
    if not isinstance(domain, Choice) and np.isinf(domain.num_values):
        return filler(domain)
    values = _ordered(domain)
    return values[int(place * len(values))]
