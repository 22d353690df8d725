"""A tree of parameters, as written in YAML, becomes a flat list.

A tree maps names to domains (`Choice`, `Int`, `Float`), to groups (more trees), to repeats (a
group that stands once per block, and whose number of blocks is itself a parameter) and to shared
values (`{same: other.parameter}`, no parameter of their own). Flattened, each parameter has a
dotted name (`stages.0.kernel`), and conditions that say when it is active.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeAlias

from nas.architecture import Value
from nas.errors import SpaceError, nearest_first
from nas.space.domains import KINDS, read_domain
from nas.space.parameters import (
    Choice,
    Condition,
    Domain,
    Float,
    Parameter,
    Repeat,
    Same,
    When,
)


@dataclass(frozen=True)
class Shared:
    """A place that has the value of a parameter.

    Attributes:
        name: dotted name of the place.
        source: dotted name of the parameter.
        conditions: when there is such a place.
    """

    name: str
    source: str
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class FlatSpace:
    """What a tree holds.

    Attributes:
        parameters: each after those that its conditions name.
        shared: places that have the value of one of them.
    """

    parameters: tuple[Parameter, ...]
    shared: tuple[Shared, ...] = ()


# Limits that keep every look at a space quick; nobody has searched as much by training.
MAX_BLOCKS = 200
MAX_PARAMETERS = 800

_LOG = logging.getLogger(__name__)

_Leaf: TypeAlias = Parameter | Shared


def flatten(tree: Mapping[str, Any]) -> FlatSpace:
    """Return the flat parameters of a tree, each after those that its conditions name.

    Args:
        tree: name -> domain, scalar (fixed), `{choice: [...]}` perhaps with `weights: [...]` and
            `ordered: true`, `{int: [low, high]}`, `{float: [low, high]}`, `{same: other}`, group
            (a mapping of the same kind) or repeat (a group with the key `repeat`). A choice or a
            range may carry a `prior`. Any may carry `when: {parameter: value or list of values}`.
            A name there, or after `same`, is looked up among its siblings first, then outwards.

    A parameter whose parents were narrowed so that it can never be active is left out, with a
    warning.

    Raises:
        SpaceError: a node cannot be read, a condition names no parameter or no possible value, or
            a shared value may be absent where it is needed.
    """
    by_name: dict[str, _Leaf] = {}
    for leaf in _flatten(tree, prefix="", outer=()):
        if len(by_name) == MAX_PARAMETERS:
            raise SpaceError(
                f"the space has more than {MAX_PARAMETERS:,} parameters, and so many at most can "
                "be searched; repeat fewer blocks, or give blocks that are alike one parameter"
            )
        if leaf.name in by_name:
            raise SpaceError(f"parameter '{leaf.name}' is defined twice")
        by_name[leaf.name] = leaf
    parameters = {n: p for n, p in by_name.items() if isinstance(p, Parameter)}
    known = _Names(parameters, {n: s for n, s in by_name.items() if isinstance(s, Shared)})
    resolved = {n: replace(p, conditions=_resolve(p, known)) for n, p in parameters.items()}
    never = _never_active(resolved)
    if never:
        _say_left_out(", ".join(sorted(never)))
        resolved = {name: p for name, p in resolved.items() if name not in never}
    places = [
        replace(s, source=known.source_of(s), conditions=_resolve(s, known))
        for s in known.shared.values()
    ]
    shared = tuple(
        s
        for s in places
        if s.source not in never
        and all(c.values and c.parameter not in never for c in s.conditions)
    )
    for place in shared:
        _check_always_there(place, resolved)
    return FlatSpace(_parents_first(resolved), shared)


@dataclass(frozen=True)
class _Names:
    """What names may stand for."""

    parameters: Mapping[str, Parameter]
    shared: Mapping[str, Shared]

    def look_up(self, name: str, *, scope: str) -> str:
        """Return the parameter or place that a name means at `scope`: siblings, then outwards."""
        inner = scope
        while inner:
            inner = inner.rpartition(".")[0]
            candidate = f"{inner}.{name}" if inner else name
            if candidate != scope and (candidate in self.parameters or candidate in self.shared):
                return candidate
        known = nearest_first(name, [*self.parameters, *self.shared])
        raise SpaceError(
            f"'{scope}' names '{name}', which is no parameter; known, nearest first: {known}"
        )

    def source_of(self, place: Shared) -> str:
        """Return the parameter whose value a place has, through other places if need be."""
        seen = [place.name]
        while place.name in self.shared:
            found = self.look_up(place.source, scope=place.name)
            if found in seen:
                raise SpaceError(f"shared values go in a circle: {' -> '.join([*seen, found])}")
            seen.append(found)
            if found not in self.shared:
                return found
            place = self.shared[found]
        return place.name

    def parameter(self, name: str, *, scope: str) -> Parameter:
        """Return the parameter that a name means; for a place, the one whose value it has."""
        found = self.look_up(name, scope=scope)
        return self.parameters[
            self.source_of(self.shared[found]) if found in self.shared else found
        ]


def _check_always_there(place: Shared, parameters: Mapping[str, Parameter]) -> None:
    """Refuse a place that may be there while its parameter is not."""
    own = {condition.parameter: set(condition.values) for condition in place.conditions}
    for condition in parameters[place.source].conditions:
        parent = parameters[condition.parameter]
        values = own.get(condition.parameter, set(_values_of(parent.domain)))
        if not values or not values <= set(condition.values):
            raise SpaceError(
                f"'{place.name}' is the same as '{place.source}', which is absent unless "
                f"{condition.parameter} is {' or '.join(map(str, condition.values))}; share a "
                "parameter that is always there, or give both the same 'when'"
            )


def _values_of(domain: Domain) -> tuple[Value, ...]:
    return () if isinstance(domain, Float) and domain.step is None else domain.values()


def _flatten(
    tree: Mapping[str, Any], *, prefix: str, outer: tuple[Condition, ...]
) -> Iterator[_Leaf]:
    for key, node in tree.items():
        name = f"{prefix}{key}"
        if not isinstance(key, str) or not key or "." in key or key.isdigit():
            raise SpaceError(f"'{name}' cannot name a parameter; use a word without dots")
        yield from _flatten_node(node, name=name, outer=outer)


def _flatten_node(node: Any, *, name: str, outer: tuple[Condition, ...]) -> Iterator[_Leaf]:
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
        node = Repeat(read_domain(node["repeat"], f"{name}.repeat"), rest)
    if isinstance(node, Repeat):
        counts = _counts(node.count, name)
        yield Parameter(f"{name}.repeat", node.count, outer)
        if max(counts) > MAX_BLOCKS:
            raise SpaceError(
                f"{name}.repeat goes up to {max(counts):,}, but a group may stand {MAX_BLOCKS} "
                "times at most; narrow it"
            )
        for block in range(max(counts)):
            allowed = tuple(count for count in counts if count > block)
            present = Condition(f"{name}.repeat", allowed)
            yield from _flatten(node.group, prefix=f"{name}.{block}.", outer=(*outer, present))
        return
    if isinstance(node, Mapping) and set(node) == {"same"}:
        node = Same(node["same"])
    if isinstance(node, Same):
        if not isinstance(node.parameter, str):
            raise SpaceError(f"'{name}' must be the same as a parameter, by its name")
        yield Shared(name, node.parameter, outer)
        return
    if isinstance(node, Mapping) and set(node) == {"prior"}:
        raise SpaceError(
            f"'{name}' has a prior and no values; write it beside them, as in "
            "{choice: [a, b], prior: {a: 3}}, and mind the name"
        )
    if isinstance(node, Mapping) and not KINDS & node.keys():
        yield from _flatten(node, prefix=f"{name}.", outer=outer)
        return
    yield Parameter(name, read_domain(node, name), outer)


def _counts(domain: Domain, name: str) -> tuple[int, ...]:
    values = domain.values() if not isinstance(domain, Float) else ()
    counts = tuple(v for v in values if isinstance(v, int) and not isinstance(v, bool) and v >= 0)
    if len(counts) != len(values) or not counts:
        raise SpaceError(f"{name}.repeat must be whole numbers of at least 0, but got {domain}")
    return counts


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


def _resolve(leaf: _Leaf, names: _Names) -> tuple[Condition, ...]:
    conditions = []
    for condition in leaf.conditions:
        scope, bar, name = condition.parameter.partition("|")
        if not bar:
            conditions.append(condition)
            continue
        target = names.parameter(name, scope=scope)
        impossible = [v for v in condition.values if not target.domain.contains(v)]
        values = tuple(v for v in condition.values if v not in impossible)
        if not condition.values or not any(_is_of_kind(v, target) for v in condition.values):
            raise SpaceError(
                f"'{scope}' can never be active: '{target.name}' is never "
                f"{list(condition.values)!r}; it is {target.domain}"
            )
        conditions.append(Condition(target.name, values))
    return tuple(conditions)


def _is_of_kind(value: Value, parameter: Parameter) -> bool:
    """Say whether the parameter could be `value` if it were wider; a number is never a text."""
    domain = parameter.domain
    options = domain.options if isinstance(domain, Choice) else (domain.low,)
    kinds = {type(option) for option in options}
    return type(value) in kinds or {type(value), *kinds} <= {int, float}


@cache  # said once a process, though a space is made wherever it is needed
def _say_left_out(names: str) -> None:
    _LOG.warning("never active in this space, so left out: %s", names)


def _never_active(leaves: Mapping[str, _Leaf]) -> set[str]:
    """Return those whose conditions cannot hold any more, because their parents were narrowed."""
    never: set[str] = set()
    grows = True
    while grows:
        found = {
            name
            for name, leaf in leaves.items()
            if any(not c.values or c.parameter in never for c in leaf.conditions)
        }
        grows, never = found != never, found
    return never


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
