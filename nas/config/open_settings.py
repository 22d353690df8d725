"""Which settings are `auto`, and how do they get their values?

A configuration is checked with small values in their places, before any data are read. Once the
data are known, `nas.assemble.settle` decides; a run that goes on has what it was begun with.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nas.config.nodes import WRAPPERS
from nas.config.overrides import key_of
from nas.config.targets import hints_of, locate
from nas.config.validator import fits
from nas.errors import ConfigError
from nas.planning.training import SMALL_NUM_TRIALS, SMALL_TRAINING
from nas.task import DataShape

AUTO = "auto"
_DECIDED = ("search_space", "data", "training", "stopping")  # where settings may be `auto`
LIMIT = "constraints.num_macs.max"  # null is no limit, and with a budget it is decided
_RECIPE = "nas.train.recipe.Recipe"


@dataclass(frozen=True)
class AutoValues:
    """What stands in the places of `auto`.

    Attributes:
        shape: of the data that the search space is to fit.
        training: setting of `training` -> value.
        num_trials: of the search; None for no limit.
    """

    shape: DataShape
    training: Mapping[str, Any]
    num_trials: int | None


# Of the digits: what a configuration is checked with, and what a table is searched with.
SMALL = AutoValues(DataShape((1, 8, 8), 10), SMALL_TRAINING.settings(), SMALL_NUM_TRIALS)


def with_settled(values: Mapping[str, Any], settled: AutoValues = SMALL) -> dict[str, Any]:
    """Return composed values in which what is `auto` is decided; what was given stands."""
    found = dict(values)
    training, stopping, space = (
        found.get(name) for name in ("training", "stopping", "search_space")
    )
    if isinstance(training, Mapping) and training.get("_target_") == _RECIPE:
        found["training"] = {
            key: settled.training[key] if value == AUTO and key in settled.training else value
            for key, value in training.items()
        }
    if isinstance(stopping, Mapping) and stopping.get("num_trials") == AUTO:
        found["stopping"] = {**stopping, "num_trials": settled.num_trials}
    if isinstance(space, Mapping):
        found["search_space"] = _fitted(space, settled.shape)
    return found


def _fitted(node: Mapping[str, Any], shape: DataShape) -> Mapping[str, Any]:
    """Return the node of a space that says itself what suits the data."""
    target = node.get("_target_")
    if not isinstance(target, str) or not any(value == AUTO for _, value in leaves(node)):
        return node
    try:
        fitted = getattr(locate(target), "fitted", None)
    except ConfigError:  # told where targets are checked
        return node
    if fitted is None:
        return node
    hints = hints_of(locate(target))
    own = {
        key: value
        for key, value in node.items()
        if key not in ("_target_", *WRAPPERS)
        # What is of another type is told where types are checked; nothing follows from it here.
        and (value == AUTO or key not in hints or fits(value, hints[key]))
    }
    return {**node, **fitted(own, shape)}


def is_open(values: Mapping[str, Any], place: str) -> bool:
    """Say whether the setting of that dotted name is `auto`."""
    return bool(_at(values, place) == AUTO)


def with_recorded(
    values: Mapping[str, Any], recorded: Mapping[str, Any], *, told: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return values in which what is `auto` is what a run was begun with.

    Args:
        values: composed.
        recorded: of the run.
        told: overrides of this command: what it says is to be `auto` is decided again.
    """
    again = {key_of(text) for text in told if text.endswith(f"={AUTO}")}
    found = {
        key: _recorded(value, recorded, key, key, again) if key in _DECIDED else value
        for key, value in values.items()
    }
    limit = _at(recorded, LIMIT)
    is_decided = isinstance(limit, int | float) and _at(found, LIMIT) is None
    if is_decided and LIMIT not in map(key_of, told):
        limits = found["constraints"]
        found["constraints"] = {**limits, "num_macs": {**limits["num_macs"], "max": limit}}
    return found


def _recorded(value: Any, recorded: Any, key: str, place: str, again: set[str]) -> Any:
    known = recorded.get(key) if isinstance(recorded, Mapping) else None
    if isinstance(value, Mapping):
        return {
            inner: _recorded(member, known, inner, f"{place}.{inner}", again)
            for inner, member in value.items()
            if not _came_later(inner, member, known)
        }
    has_one = isinstance(recorded, Mapping) and key in recorded
    is_taken = has_one and _is_plain(known) and place not in again
    return known if value == AUTO and is_taken else value


def _came_later(key: str, node: Any, recorded: Any) -> bool:
    """Say whether what is `auto` is no setting or parameter that a run was begun with."""
    is_open_here = node == AUTO or (isinstance(node, Mapping) and AUTO in node.values())
    return is_open_here and isinstance(recorded, Mapping) and key not in recorded


def _is_plain(value: Any) -> bool:
    """Say whether a recorded value is what was decided: a number, a text, or a list of them."""
    members = value if isinstance(value, list) else [value]
    return not any(isinstance(member, Mapping | list) for member in members)


def leaves(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and the value of each setting."""
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _at(values: Mapping[str, Any], place: str) -> Any:
    node: Any = values
    for key in place.split("."):
        node = node.get(key) if isinstance(node, Mapping) else None
    return node
