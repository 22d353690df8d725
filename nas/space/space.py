"""A search space: flat parameters with conditions, and `build`, which makes a model of a choice.

Users subclass `SearchSpace`; everything else in the framework asks it for architectures. The flat
form ("genome") has a value for every parameter, inactive ones at a fixed filler, because samplers
need a fixed-length space; the canonical form (`Architecture`) drops the inactive ones.
"""

import functools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nas.architecture import Architecture, Value
from nas.errors import SpaceError, nearest_first
from nas.parts import Chain
from nas.space.flatten import Shared, flatten
from nas.space.parameters import Choice, Domain, Float, Parameter
from nas.task import DataShape

if TYPE_CHECKING:  # torch takes seconds to import: who looks results up in a table needs none
    from torch import nn

MOST_TOLD = 1e300  # a float, which all arithmetic takes


class SearchSpace:
    """A family of architectures.

    A subclass defines `build`, and `default_parameters` where it should work without YAML.

    Args:
        parameters: the tree of parameters, as in the YAML (see `nas.space.flatten`); None takes
            `default_parameters`.

    Raises:
        SpaceError: the tree is ill-formed or empty.
    """

    default_parameters: ClassVar[Mapping[str, Any]] = {}
    # Data that `nas spaces check` builds for.
    example_data: tuple[DataShape, ...] = (
        DataShape((1, 8, 8), 10),
        DataShape((3, 32, 32), 10),
    )
    # Costs that `static_costs` tells of the files that are shipped: a network that was built for a
    # training does not tell them, so they are not compared with its own.
    told_of_files: ClassVar[frozenset[str]] = frozenset()
    # Arguments that change nothing but parameters: a study may go on when they let these grow.
    told_by_parameters: ClassVar[frozenset[str]] = frozenset({"parameters"})
    shared: tuple[Shared, ...] = ()

    def __init__(self, parameters: Mapping[str, Any] | None = None) -> None:
        tree = self.default_parameters if parameters is None else parameters
        if not tree:
            raise SpaceError(f"{type(self).__name__} has no parameters; give 'parameters'")
        flat = flatten(tree)
        self.parameters: tuple[Parameter, ...] = flat.parameters
        self.shared = flat.shared
        self.domains: dict[str, Domain] = {p.name: p.domain for p in self.parameters}
        # Places that share a value are no parameters, but a value may be looked up by their names.
        self.domains |= {place.name: self.domains[place.source] for place in self.shared}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let what a subclass defines see shared values at every place that has them."""
        super().__init_subclass__(**kwargs)
        for name in _TOLD_OF_ARCHITECTURES & cls.__dict__.keys():
            setattr(cls, name, _with_shared_values(cls.__dict__[name]))

    def build(self, architecture: Architecture, data: DataShape) -> "nn.Module":
        """Return an untrained model of `architecture` for data of that shape.

        The model takes float images (B, C, H, W) and returns logits (B, num_classes). It may
        declare `input_size` (height, width) to be fed resized images. It is also built on the
        meta device.
        """
        raise NotImplementedError(f"{type(self).__name__} must define build(architecture, data)")

    def check_data(self, data: DataShape) -> None:
        """Refuse data that no network of this space can be built for; asked once, at the start.

        Nothing by default; for spaces that start from given weights, which fit some data only.

        Raises:
            SpaceError: the data do not fit.
        """
        del data

    @classmethod
    def fitted(cls, arguments: Mapping[str, Any], data: DataShape) -> Mapping[str, Any]:
        """Return arguments in which `auto` has become what suits data of that shape.

        Nothing is changed by default; for spaces whose sides, strides or widths should follow the
        size of the images.

        Args:
            arguments: as the YAML has them; what is not `auto` was given, and stands.
            data: what networks are to fit.
        """
        del data
        return arguments

    def recommended(self) -> Sequence[Architecture]:
        """Return networks that are known to learn quickly, the surest first; none by default.

        A sampler that begins with some chosen networks begins with these.
        """
        return ()

    def static_costs(
        self, architecture: Architecture, data: DataShape
    ) -> Mapping[str, float] | None:
        """Return closed-form costs (`num_params`, `size_bytes`, ...) where the space knows them.

        None, the default, has them counted on the meta device.
        """
        del architecture, data
        return None

    def parts(self, architecture: Architecture, data: DataShape) -> Chain | None:
        """Return the network as a chain of parts, where the space has few different ones.

        Costs that follow from operators (`ram_bytes`, `latency_ms@pi5`) are then found once for
        each part. None, the default, has each network built.
        """
        del architecture, data
        return None

    def places(self, architecture: Architecture) -> Mapping[str, str] | None:
        """Return which parts of a network are the same as in others: what shares weights.

        Where a space says so, `evaluation=supernet` can train one set of weights for all its
        networks. None, the default: it does not say.

        Returns:
            name of a module or tensor in the network -> name of its place, such as the first
            block of the second stage; what is left out has its own name for its place. Parts of
            one place may differ in channels and kernels, but do the same thing.
        """
        del architecture
        return None

    def identity(self, architecture: Architecture) -> str:
        """Return a key that architectures with the same network share; the id by default."""
        return architecture.id

    def with_shared(self, architecture: Architecture) -> Architecture:
        """Return the architecture with shared values at all their places, as `build` sees it."""
        if not self.shared:
            return architecture
        known = dict(architecture)
        for place in self.shared:
            is_there = all(known.get(c.parameter) in c.values for c in place.conditions)
            if is_there and place.source in known:
                known[place.name] = known[place.source]
        return Architecture(known)

    def is_active(self, parameter: Parameter, values: Mapping[str, Value]) -> bool:
        """Say whether the parameter matters, given the active values of its parents."""
        return all(
            condition.parameter in values and values[condition.parameter] in condition.values
            for condition in parameter.conditions
        )

    def architecture(self, values: Mapping[str, Value]) -> Architecture:
        """Return the canonical architecture of whatever has every active parameter.

        Raises:
            SpaceError: a name is unknown, an active parameter is absent, or a value not allowed.
        """
        for name in values:
            if name not in self.domains:
                known = nearest_first(name, self.domains)
                raise SpaceError(
                    f"'{name}' is no parameter of this space; known, nearest first: {known}"
                )
        active: dict[str, Value] = {}
        for parameter in self.parameters:
            if not self.is_active(parameter, active):
                continue
            if parameter.name not in values:
                raise SpaceError(f"parameter '{parameter.name}' is active but has no value")
            active[parameter.name] = _checked(parameter, values[parameter.name])
        return Architecture(active)

    def genome(self, architecture: Architecture) -> dict[str, Value]:
        """Return a value for every parameter; inactive ones get the first of their domain."""
        return {
            parameter.name: architecture.get(parameter.name, filler(parameter.domain))
            for parameter in self.parameters
        }

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw an architecture, each active parameter from its domain."""
        active: dict[str, Value] = {}
        for parameter in self.parameters:
            if self.is_active(parameter, active):
                active[parameter.name] = parameter.domain.sample(rng)
        return Architecture(active)

    def mutate(
        self, architecture: Architecture, rng: np.random.Generator, *, num_changes: int = 1
    ) -> Architecture:
        """Return a neighbour: `num_changes` active parameters get other values, drawn at random.

        Parameters that become active by the change are drawn; those that no longer are, dropped.
        The same architecture comes back only if no parameter has a second value.
        """
        movable = [name for name in architecture if self.domains[name].num_values > 1]
        if not movable:
            return architecture
        order = rng.permutation(len(movable))[:num_changes]
        changed = {movable[index] for index in order}
        active: dict[str, Value] = {}
        for parameter in self.parameters:
            if not self.is_active(parameter, active):
                continue
            name = parameter.name
            if name in changed:
                active[name] = other_value(parameter.domain, architecture[name], rng)
            elif name in architecture:
                active[name] = architecture[name]
            else:
                active[name] = parameter.domain.sample(rng)
        return Architecture(active)

    def num_architectures(self) -> float:
        """Return the exact number of distinct canonical forms; infinite with a float range.

        A number above `MOST_TOLD` is told as that.
        """
        last_use: dict[str, int] = {}
        for index, parameter in enumerate(self.parameters):
            for condition in parameter.conditions:
                last_use[condition.parameter] = index
        # How many ways lead to each choice of the parents that are still asked for.
        ways: dict[tuple[tuple[str, Value], ...], float] = {(): 1}
        for index, parameter in enumerate(self.parameters):
            before, ways = ways, defaultdict(int)
            is_parent = last_use.get(parameter.name, -1) > index
            for known, number in before.items():
                live = tuple(pair for pair in known if last_use.get(pair[0], -1) >= index)
                if not self.is_active(parameter, dict(known)):
                    ways[live] += number
                elif math.isinf(parameter.domain.num_values):
                    return math.inf
                elif not is_parent:
                    ways[live] += number * parameter.domain.num_values
                else:
                    for value in parameter.domain.values():
                        ways[(*live, (parameter.name, value))] += number
        return min(sum(ways.values()), MOST_TOLD)

    def enumerate(self) -> Iterator[Architecture]:
        """Yield every architecture once, in a fixed order.

        Raises:
            SpaceError: a float range without a step makes them uncountable.
        """

        def extend(index: int, active: dict[str, Value]) -> Iterator[Architecture]:
            if index == len(self.parameters):
                yield Architecture(active)
                return
            parameter = self.parameters[index]
            if not self.is_active(parameter, active):
                yield from extend(index + 1, active)
                return
            for value in parameter.domain.values():
                yield from extend(index + 1, {**active, parameter.name: value})

        return extend(0, {})


def filler(domain: Domain) -> Value:
    """Return the value that stands for an inactive parameter in a genome."""
    return domain.values()[0] if not isinstance(domain, Float) else domain.low


def _checked(parameter: Parameter, value: Value) -> Value:
    if parameter.domain.contains(value):
        return value
    raise SpaceError(f"parameter '{parameter.name}' cannot be {value!r}; it is {parameter.domain}")


# Methods of a subclass that take an architecture and may look up any name of the tree.
_TOLD_OF_ARCHITECTURES = frozenset({"build", "static_costs", "parts", "places", "identity"})


def _with_shared_values(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def told(self: SearchSpace, architecture: Architecture, *args: Any, **kwargs: Any) -> Any:
        return method(self, self.with_shared(architecture), *args, **kwargs)

    return told


def other_value(domain: Domain, value: Value, rng: np.random.Generator) -> Value:
    """Draw another value; the same one only where there is no other."""
    if math.isinf(domain.num_values):
        return domain.sample(rng)
    if isinstance(domain, Choice) and (domain.weights is not None or domain.is_ordered):
        if len(domain.options) == 1:
            return value
        chances = domain.changes_from(domain.place_of(value))
        return domain.options[int(rng.choice(len(chances), p=chances))]
    others = [
        option for option in domain.values() if option != value or type(option) is not type(value)
    ]
    return others[int(rng.integers(len(others)))] if others else value
