"""One node of a tree of parameters, as written in YAML, becomes what the parameter may be."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from nas.errors import SpaceError
from nas.space.parameters import Choice, Domain, Float, Int

# Keys that make a mapping a parameter; any other mapping is a group.
KINDS = {"choice", "int", "float", "fixed", "same"}


def read_domain(node: Any, name: str) -> Domain:
    """Return the domain that a node of a tree means.

    Args:
        node: a domain, a plain value, or `{choice: ...}`, `{int: ...}`, `{float: ...}`.
        name: of the parameter, for messages.

    Raises:
        SpaceError: it means none.
    """
    if isinstance(node, Choice | Int | Float):
        return node
    if isinstance(node, bool | int | float | str):
        return Choice([node])
    if not isinstance(node, Mapping) or len(KINDS & node.keys()) != 1:
        raise SpaceError(
            f"parameter '{name}' is {node!r}; write {{choice: [...]}}, {{int: [low, high]}}, "
            "{float: [low, high]}, {same: other.parameter} or a plain value" + _misspelt_kind(name)
        )
    kind = next(iter(KINDS & node.keys()))
    content, rest = node[kind], {key: value for key, value in node.items() if key != kind}
    try:
        if kind in ("fixed", "same"):
            return _without_rest(Choice([content]), rest, name)
        if kind == "choice":
            if isinstance(content, str | bytes | Mapping) or not isinstance(content, Sequence):
                raise SpaceError(f"choice must be a list, but got {content!r}")
            ordered = rest.pop("ordered", False)
            if not isinstance(ordered, bool):
                raise SpaceError(f"ordered must be true or false, but got {ordered!r}")
            weights, prior = rest.pop("weights", None), rest.pop("prior", None)
            choice = Choice(content, weights=weights, is_ordered=ordered, prior=prior)
            return _without_rest(choice, rest, name)
        return _range(kind, content, rest)
    except SpaceError as error:
        raise SpaceError(f"parameter '{name}': {error}") from error


def _misspelt_kind(name: str) -> str:
    """Say which kind a group of one was perhaps meant to be."""
    group, _, word = name.rpartition(".")
    near = difflib.get_close_matches(word, KINDS, n=1, cutoff=0.7) if group else []
    return f"; or is '{word}' of '{group}' meant to be '{near[0]}'?" if near else ""


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
    unknown = set(rest) - {"step", "log", "prior"}
    if unknown:
        raise SpaceError(
            f"unknown key {sorted(unknown)!r} beside {kind}; allowed are step, log and prior"
        )
    step, log, prior = rest.get("step"), rest.get("log", False), rest.get("prior")
    is_number = isinstance(step, wanted) and not isinstance(step, bool)
    if not isinstance(log, bool) or (step is not None and not is_number):
        raise SpaceError(
            f"step must be a number of the kind {kind} and log true or false, but got {rest!r}"
        )
    if kind == "int":
        return Int(numbers[0], numbers[1], step=1 if step is None else step, log=log, prior=prior)
    return Float(
        float(numbers[0]),
        float(numbers[1]),
        step=None if step is None else float(step),
        log=log,
        prior=prior,
    )
