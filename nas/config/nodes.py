"""What does a node with a `_target_` say: what wraps a space, which arguments are left open?"""

from collections.abc import Iterable, Mapping
from typing import Any

from nas.config.targets import arguments_of, locate
from nas.errors import ConfigError

RULES = "stopping.rules"  # the place of the nodes of further stop rules
FUNCTION_SPACE = "search_spaces.function.FunctionSpace"
# The keys of a space's node that hold what wraps the space, the innermost first.
WRAPPERS = ("compression", "training")


def parted_space(node: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Mapping[str, Any]]]:
    """Return a space's own node, and key -> node of what wraps it, the innermost first.

    A function `build(architecture, data)` may stand where a space does.
    """
    inner, wrappers = dict(node), {}
    for key in WRAPPERS:
        wrapper = node.get(key)
        if isinstance(wrapper, Mapping) and "_target_" in wrapper:
            wrappers[key] = inner.pop(key)
        elif wrapper is None:
            inner.pop(key, None)
    return _with_function(inner), wrappers


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
