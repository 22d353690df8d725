"""What does a node with a `_target_` say: what wraps a space, which arguments are left open?"""

from collections.abc import Iterable, Mapping
from typing import Any

from nas.config.targets import arguments_of, locate
from nas.errors import ConfigError

RULES = "stopping.rules"  # the place of the nodes of further stop rules
FUNCTION_SPACE = "search_spaces.function.FunctionSpace"
COMPRESSION = "compression"  # the key of a space's node that holds what wraps the space


def parted_space(node: Mapping[str, Any]) -> tuple[dict[str, Any], Mapping[str, Any] | None]:
    """Return a space's own node, and that of its compression, if it has one.

    A function `build(architecture, data)` may stand where a space does.
    """
    wrapper = node.get(COMPRESSION)
    if wrapper is None or (isinstance(wrapper, Mapping) and "_target_" in wrapper):
        inner = {key: value for key, value in node.items() if key != COMPRESSION}
        return _with_function(inner), wrapper
    return _with_function(dict(node)), None


def _with_function(node: dict[str, Any]) -> dict[str, Any]:
    target = node.get("_target_")
    try:
        taken = arguments_of(locate(target)) if isinstance(target, str) else None
    except ConfigError:  # told where targets are checked
        return node
    if taken is None or list(taken) != ["architecture", "data"]:
        return node
    return {**node, "_target_": FUNCTION_SPACE, "build": target}


def rule_nodes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nodes of further stop rules, by their place; whatever else stands there too."""
    stopping = values.get("stopping")
    rules = stopping.get("rules") if isinstance(stopping, Mapping) else None
    if not isinstance(rules, Mapping):
        return {}
    return {f"{RULES}.{name}": node for name, node in rules.items()}


def offers_of(node: Mapping[str, Any], offered: Iterable[str]) -> list[str]:
    """Return which of the offered names the target takes and the node leaves open."""
    taken = arguments_of(locate(node["_target_"])) or {}
    return [name for name in offered if name in taken and name not in node]
