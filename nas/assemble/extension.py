"""Which changed settings leave the trials of a run comparable?

A search space that only grew, and limits that only became wider. Both are checked by what they
mean, not by how they are written: the spaces are built and compared.
"""

from collections.abc import Mapping
from typing import Any

from nas.assemble.make import make_space
from nas.config.nodes import parted_space
from nas.config.targets import locate
from nas.errors import ConfigError, NasError
from nas.space.extension import faults_of_extension
from nas.space.space import SearchSpace


def without_extensions(before: Mapping[Any, Any], now: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the recorded values, with those replaced that may be what they are now."""
    values = dict(before)
    spaces = before.get("search_space"), now.get("search_space")
    if spaces[0] != spaces[1] and space_faults(*spaces) == []:
        values["search_space"] = spaces[1]
    old, new = before.get("constraints"), now.get("constraints")
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        values["constraints"] = {
            metric: new[metric] if metric in new and is_wider(limits, new[metric]) else limits
            for metric, limits in old.items()
        }
    return values


def space_faults(old: Any, new: Any) -> list[str] | None:
    """Return why a space is no extension of another one; None where the parameters do not say.

    Args:
        old: the recorded node.
        new: the node of now.
    """
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return None
    if _rest(old) != _rest(new):
        return None
    try:
        spaces = make_space(old), make_space(new)
    except NasError:  # checking the configuration says what is wrong with it
        return None
    if not all(isinstance(space, SearchSpace) for space in spaces):
        return None
    return faults_of_extension(*spaces)


def is_wider(old: Any, new: Any) -> bool:
    """Say whether limits allow all that others did."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return False
    low, high = new.get("min"), new.get("max")
    old_low, old_high = old.get("min"), old.get("max")
    return (low is None or (old_low is not None and low <= old_low)) and (
        high is None or (old_high is not None and high >= old_high)
    )


def _rest(node: Mapping[Any, Any]) -> list[dict[Any, Any]]:
    """Return what its parameters do not tell of a space, and of what wraps it."""
    inner, wrappers = parted_space(node)
    return [
        {key: value for key, value in part.items() if key not in _told_by_parameters(part)}
        for part in (inner, *wrappers.values())
    ]


def _told_by_parameters(node: Mapping[Any, Any]) -> frozenset[str]:
    try:
        target = locate(node["_target_"])
    except (ConfigError, KeyError):
        return frozenset()
    return frozenset(getattr(target, "told_by_parameters", SearchSpace.told_by_parameters))
