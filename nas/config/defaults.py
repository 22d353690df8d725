"""What did a run do about a setting that it does not record? What the default of it does now.

A later version may have settings that an earlier one lacked. Their defaults change nothing, so a
record that lacks them is read as if it had them.
"""

import inspect
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints

from nas.config.nodes import parted_space
from nas.config.schema import SearchConfig, TrialLimits
from nas.config.targets import arguments_of, locate
from nas.errors import ConfigError

_PLAIN = (bool, int, float, str, list, tuple, dict)


def completed(values: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return recorded values with the defaults of what they lack."""
    kinds = get_type_hints(SearchConfig)
    return {
        place: _completed_node(place, node, kinds.get(place)) for place, node in values.items()
    }


def _completed_node(place: str, node: Any, kind: Any) -> Any:
    if not isinstance(node, Mapping):
        return node
    if place == "search_space":
        inner, wrappers = parted_space(node)
        found = {key: _with_arguments(wrapper) for key, wrapper in wrappers.items()}
        return {**_with_arguments(inner), **found}
    if place == "training":
        node = {**_fields_of(TrialLimits), **node}
    if "_target_" in node:
        return _with_arguments(node)
    if is_dataclass(kind):
        return {**_fields_of(kind), **node}
    return node


def _fields_of(kind: Any) -> dict[str, Any]:
    """Return the defaults of a dataclass."""
    known = {item.name: item.default for item in fields(kind) if item.default is not MISSING}
    return _plain(known)


def _with_arguments(node: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return a node with the defaults of its target's arguments."""
    try:
        arguments = arguments_of(locate(node["_target_"])) or {}
    except (ConfigError, KeyError):  # checking the configuration says what is wrong with it
        return dict(node)
    defaults = {
        name: argument.default
        for name, argument in arguments.items()
        if argument.default is not inspect.Parameter.empty
    }
    return {**_plain(defaults), **node}


def _plain(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return those that YAML can say, as it says them."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in defaults.items()
        if isinstance(value, _PLAIN)
    }
