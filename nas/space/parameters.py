"""The kinds of parameters, and how a tree of them, as written in YAML, becomes a flat list.

A domain is what one parameter may be: `Choice`, `Int` or `Float`. A tree maps names to domains, to
groups (more trees) and to repeats (a group that stands once per block, and whose number of blocks is
itself a parameter). Flattened, each parameter has a dotted name (`stages.0.kernel`), and conditions
that say when it is active.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from nas.architecture import Value
from nas.errors import SpaceError, nearest_first


@dataclass(frozen=True)
class Choice:
    """One of several options without order; numbers of mixed kinds become floats."""

    options: tuple[Value, ...]

    def __init__(self, options: Sequence[Value]) -> None:
        object.__setattr__(self, "options", _checked_options(options))

    @property
    def num_values(self) -> float:
        """How many values there are."""
        return len(self.options)

    def values(self) -> tuple[Value, ...]:
        """Return all values, in order."""
        return self.options

    def contains(self, value: object) -> bool:
        """Say whether `value` is allowed; True is not 1, and 1 is not 1.0."""
        return any(value == option and type(value) is type(option) for option in self.options)

    def sample(self, rng: np.random.Generator) -> Value:
        """Draw a value, all alike."""
        return self.options[int(rng.integers(len(self.options)))]


@dataclass(frozen=True)
class Int:
    """A whole number from `low` to `high`, both included."""

    low: int
    high: int
    step: int = 1
    log: bool = False

    def __post_init__(self) -> None:
        if self.low > self.high or self.step < 1:
            raise SpaceError(
                f"int range [{self.low}, {self.high}] step {self.step} is empty; "
                "write {int: [low, high]} with low <= high and a step of at least 1"
            )
        if self.log and (self.low < 1 or self.step != 1):
            raise SpaceError(
                f"a logarithmic int range needs low >= 1 and no step, but got {self.low}, step {self.step}"
            )

    @property
    def num_values(self) -> float:
        """How many values there are."""
        return (self.high - self.low) // self.step + 1

    def values(self) -> tuple[int, ...]:
        """Return all values, in order."""
        return tuple(range(self.low, self.high + 1, self.step))

    def contains(self, value: object) -> bool:
        """Say whether `value` is allowed."""
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
            and (value - self.low) % self.step == 0
        )

    def sample(self, rng: np.random.Generator) -> int:
        """Draw a value, all alike; all magnitudes alike if `log`."""
        if self.log:
            drawn = math.exp(rng.uniform(math.log(self.low - 0.5), math.log(self.high + 0.5)))
            return min(max(round(drawn), self.low), self.high)
        return int(self.low + self.step * rng.integers(int(self.num_values)))


@dataclass(frozen=True)
class Float:
    """A real number from `low` to `high`, both included."""

    low: float
    high: float
    step: float | None = None
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low <= self.high or (self.step is not None and self.step <= 0):
            raise SpaceError(
                f"float range [{self.low}, {self.high}] step {self.step} is empty; "
                "write {float: [low, high]} with low <= high and a step above 0"
            )
        if self.log and (self.low <= 0 or self.step is not None):
            raise SpaceError(
                f"a logarithmic float range needs low > 0 and no step, but got {self.low}, step {self.step}"
            )

    @property
    def num_values(self) -> float:
        """How many values there are; infinite without a step."""
        if self.step is None:
            return 1 if self.low == self.high else math.inf
        return math.floor((self.high - self.low) / self.step + 1e-9) + 1

    def values(self) -> tuple[float, ...]:
        """Return all values, in order.

        Raises:
            SpaceError: there are infinitely many.
        """
        if math.isinf(self.num_values):
            raise SpaceError(
                f"float range [{self.low}, {self.high}] cannot be listed; give it a step"
            )
        return tuple(self.low + i * (self.step or 0.0) for i in range(int(self.num_values)))

    def contains(self, value: object) -> bool:
        """Say whether `value` is allowed, within rounding."""
        if not isinstance(value, float) or not self.low <= value <= self.high:
            return False
        if self.step is None:
            return True
        steps = (value - self.low) / self.step
        return abs(steps - round(steps)) < 1e-6

    def sample(self, rng: np.random.Generator) -> float:
        """Draw a value, all alike; all magnitudes alike if `log`."""
        if self.step is not None:
            return self.low + self.step * int(rng.integers(int(self.num_values)))
        if self.log:
            drawn = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
            return min(max(drawn, self.low), self.high)
        return float(rng.uniform(self.low, self.high))


Domain: TypeAlias = Choice | Int | Float


@dataclass(frozen=True)
class Condition:
    """Holds when the named parameter is active and has one of the values."""

    parameter: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Parameter:
    """One dimension of the flat space.

    Attributes:
        name: dotted, as in the YAML, with block numbers: `stages.0.kernel`.
        domain: what it may be.
        conditions: all must hold, or the parameter is absent from the architecture.
    """

    name: str
    domain: Domain
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Repeat:
    """A group that stands once per block; the number of blocks is a parameter (`<name>.repeat`)."""

    count: Domain
    group: Mapping[str, Any]


@dataclass(frozen=True)
class When:
    """A parameter or group that is active only under conditions: parameter -> value or values."""

    node: Any
    conditions: Mapping[str, Any]


_KINDS = {"choice", "int", "float", "fixed"}


def flatten(tree: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """Return the flat parameters of a tree, each after those that its conditions name.

    Args:
        tree: name -> domain, scalar (fixed), `{choice: [...]}`, `{int: [low, high]}`, `{float: [low, high]}`,
            group (a mapping of the same kind) or repeat (a group with the key `repeat`). Any of them may carry
            `when: {parameter: value or list of values}`; a name there is looked up among its siblings
            first, then outwards.

    Raises:
        SpaceError: a node cannot be read, or a condition names no parameter or no possible value.
    """
    found = list(_flatten(tree, prefix="", outer=()))
    by_name: dict[str, Parameter] = {}
    for parameter in found:
        if parameter.name in by_name:
            raise SpaceError(f"parameter '{parameter.name}' is defined twice")
        by_name[parameter.name] = parameter
    resolved = {name: _resolve(parameter, by_name) for name, parameter in by_name.items()}
    return _parents_first(resolved)


def _flatten(
    tree: Mapping[str, Any], *, prefix: str, outer: tuple[Condition, ...]
) -> Iterator[Parameter]:
    for key, node in tree.items():
        name = f"{prefix}{key}"
        if not isinstance(key, str) or not key or "." in key or key.isdigit():
            raise SpaceError(f"'{name}' cannot name a parameter; use a word without dots")
        yield from _flatten_node(node, name=name, outer=outer)


def _flatten_node(node: Any, *, name: str, outer: tuple[Condition, ...]) -> Iterator[Parameter]:
    if isinstance(node, When):
        yield from _flatten_node(
            node.node, name=name, outer=outer + _conditions(node.conditions, name)
        )
        return
    if isinstance(node, Mapping) and "when" in node:
        rest = {key: value for key, value in node.items() if key != "when"}
        yield from _flatten_node(rest, name=name, outer=outer + _conditions(node["when"], name))
        return
    if isinstance(node, Mapping) and "repeat" in node:
        rest = {key: value for key, value in node.items() if key != "repeat"}
        node = Repeat(_domain(node["repeat"], f"{name}.repeat"), rest)
    if isinstance(node, Repeat):
        counts = _counts(node.count, name)
        yield Parameter(f"{name}.repeat", node.count, outer)
        for block in range(max(counts)):
            allowed = tuple(count for count in counts if count > block)
            present = Condition(f"{name}.repeat", allowed)
            yield from _flatten(node.group, prefix=f"{name}.{block}.", outer=(*outer, present))
        return
    if isinstance(node, Mapping) and not _KINDS & node.keys():
        yield from _flatten(node, prefix=f"{name}.", outer=outer)
        return
    yield Parameter(name, _domain(node, name), outer)


def _counts(domain: Domain, name: str) -> tuple[int, ...]:
    values = domain.values() if not isinstance(domain, Float) else ()
    counts = tuple(v for v in values if isinstance(v, int) and not isinstance(v, bool) and v >= 0)
    if len(counts) != len(values) or not counts:
        raise SpaceError(f"{name}.repeat must be whole numbers of at least 0, but got {domain}")
    return counts


def _domain(node: Any, name: str) -> Domain:
    if isinstance(node, Choice | Int | Float):
        return node
    if isinstance(node, bool | int | float | str):
        return Choice([node])
    if not isinstance(node, Mapping) or len(_KINDS & node.keys()) != 1:
        raise SpaceError(
            f"parameter '{name}' is {node!r}; write {{choice: [...]}}, {{int: [low, high]}}, "
            "{float: [low, high]} or a plain value"
        )
    kind = next(iter(_KINDS & node.keys()))
    content, rest = node[kind], {key: value for key, value in node.items() if key != kind}
    try:
        if kind == "fixed":
            return _without_rest(Choice([content]), rest, name)
        if kind == "choice":
            if isinstance(content, str | bytes | Mapping) or not isinstance(content, Sequence):
                raise SpaceError(f"choice must be a list, but got {content!r}")
            return _without_rest(Choice(content), rest, name)
        return _range(kind, content, rest)
    except SpaceError as error:
        raise SpaceError(f"parameter '{name}': {error}") from error


def _without_rest(domain: Domain, rest: Mapping[str, Any], name: str) -> Domain:
    if rest:
        raise SpaceError(f"unknown key {', '.join(map(repr, rest))} beside the values of '{name}'")
    return domain


def _range(kind: str, content: Any, rest: Mapping[str, Any]) -> Domain:
    numbers = (
        list(content) if isinstance(content, Sequence) and not isinstance(content, str) else []
    )
    wanted = int if kind == "int" else int | float
    if len(numbers) != 2 or any(isinstance(n, bool) or not isinstance(n, wanted) for n in numbers):
        raise SpaceError(
            f"{kind} must be [low, high], two numbers of that kind, but got {content!r}"
        )
    unknown = set(rest) - {"step", "log"}
    if unknown:
        raise SpaceError(
            f"unknown key {sorted(unknown)!r} beside {kind}; allowed are step and log"
        )
    if kind == "int":
        return Int(numbers[0], numbers[1], step=rest.get("step", 1), log=rest.get("log", False))
    step = rest.get("step")
    return Float(
        float(numbers[0]),
        float(numbers[1]),
        step=None if step is None else float(step),
        log=rest.get("log", False),
    )


def _checked_options(options: Sequence[Value]) -> tuple[Value, ...]:
    values = tuple(options)
    if not values:
        raise SpaceError("choice is empty; give at least one option")
    for value in values:
        if not isinstance(value, bool | int | float | str):
            raise SpaceError(f"option {value!r} is no plain value (bool, int, float or str)")
        if isinstance(value, float) and not math.isfinite(value):
            raise SpaceError(f"option {value!r} is not finite")
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values) and any(
        isinstance(v, float) for v in values
    ):
        values = tuple(float(v) for v in values)
    if len({(type(value), value) for value in values}) != len(values):
        raise SpaceError(f"choice {list(values)!r} names an option twice")
    return values


def _conditions(when: Any, name: str) -> tuple[Condition, ...]:
    if not isinstance(when, Mapping) or not when:
        raise SpaceError(
            f"'when' of '{name}' must be {{parameter: value or values}}, but got {when!r}"
        )
    return tuple(
        Condition(
            # The scope travels with the name until all parameters are known.
            f"{name}|{parent}",
            tuple(values)
            if isinstance(values, Sequence) and not isinstance(values, str)
            else (values,),
        )
        for parent, values in when.items()
    )


def _resolve(parameter: Parameter, by_name: Mapping[str, Parameter]) -> Parameter:
    conditions = []
    for condition in parameter.conditions:
        scope, bar, name = condition.parameter.partition("|")
        if not bar:
            conditions.append(condition)
            continue
        target = _look_up(name, scope, by_name)
        impossible = [v for v in condition.values if not target.domain.contains(v)]
        values = tuple(v for v in condition.values if v not in impossible)
        if not condition.values or (impossible and not values):
            raise SpaceError(
                f"'{scope}' can never be active: '{target.name}' is never {list(condition.values)!r}; "
                f"it is {target.domain}"
            )
        conditions.append(Condition(target.name, values))
    return Parameter(parameter.name, parameter.domain, tuple(conditions))


def _look_up(name: str, scope: str, by_name: Mapping[str, Parameter]) -> Parameter:
    while scope:
        scope = scope.rpartition(".")[0]
        candidate = f"{scope}.{name}" if scope else name
        if candidate in by_name:
            return by_name[candidate]
    known = nearest_first(name, by_name)
    raise SpaceError(
        f"a condition names '{name}', which is no parameter; known, nearest first: {known}"
    )


def _parents_first(parameters: Mapping[str, Parameter]) -> tuple[Parameter, ...]:
    ordered: dict[str, Parameter] = {}

    def place(name: str, path: tuple[str, ...]) -> None:
        if name in ordered:
            return
        if name in path:
            raise SpaceError(f"conditions go in a circle: {' -> '.join((*path, name))}")
        for condition in parameters[name].conditions:
            place(condition.parameter, (*path, name))
        ordered[name] = parameters[name]

    for name in parameters:
        place(name, ())
    return tuple(ordered.values())
