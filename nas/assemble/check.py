"""Can this configuration run? All faults are said in one message, before Ray or CUDA is touched.

What `nas.config.check` finds, and what parts say that are cheap to build: only a space itself can
say that its parameters make sense.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from nas.assemble.make import make, make_sampler, make_space
from nas.config.check import (
    INJECTED,
    CheckedValues,
    find_faults,
    in_one_message,
    late_faults,
    validate_node,
)
from nas.config.compose import Composed, compose_values
from nas.config.kept_secrets import missing_secrets
from nas.config.nodes import RULES, offers_of
from nas.config.open_settings import with_settled
from nas.config.schema import SearchConfig, TrialLimits
from nas.config.source import ConfigSource
from nas.config.targets import locate
from nas.config.validator import Validator, show
from nas.data.folder_layout import check_classes, checked_folder
from nas.data.splitting import check_fractions
from nas.errors import ConfigError, NasError

# What is asked of each part that is built here, and its kind in words.
_MUST_HAVE = {
    "search_space": ("parameters", "build"),
    "sampler": ("sample_relative", "sample_independent"),
    RULES: ("why_end", "remaining_s"),
}
_KINDS = {
    "search_space": "SearchSpace",
    "sampler": "sampler of Optuna's kind",
    RULES: "stop rule (nas.engine.stop_rule.StopRule)",
}

_FOLDER_LOADER = "nas.data.image_folder.load_image_folder"


def check_search(source: ConfigSource) -> SearchConfig:
    """Compose and check a search.

    Raises:
        ConfigError: with every fault there is.
    """
    return check_values(compose_values(source))


def check_values(composed: Composed) -> SearchConfig:
    """Check composed values; what is `auto` in them, with small values in its place.

    What takes long to import before it can be judged, torch above all, is looked at only where
    there is nothing else to tell.

    Raises:
        ConfigError: with every fault there is, those of composing included.
    """
    composed = replace(composed, values=with_settled(composed.values))
    found = find_faults(composed)
    faults = [*_faults_of(found), *missing_secrets(composed.values)]
    if not faults:
        late = map(_faults_of, late_faults(composed))
        faults = next(filter(None, late), [])
    if faults or found.config is None:
        raise ConfigError(in_one_message(faults))
    return found.config


def _faults_of(found: CheckedValues) -> list[str]:
    """Return the faults that were found, and those of the parts that can be built."""
    built = (_building_faults(place, node) for place, node in found.sound.items())
    return [*found.faults, *itertools.chain.from_iterable(built)]


def _building_faults(place: str, node: Mapping[str, Any]) -> list[str]:
    """Build what is cheap to build, and return what it refuses."""
    builders: dict[str, Callable[[], object]] = {
        "search_space": lambda: make_space(node),
        "training": lambda: make({k: v for k, v in node.items() if k not in TrialLimits.names()}),
        "data": lambda: _check_data(node),
    }
    if not offers_of(node, INJECTED["sampler"]):
        builders["sampler"] = lambda: make_sampler(node, offers={})(0)
    kind = place
    if place.startswith(f"{RULES}."):
        kind = RULES
        builders[kind] = lambda: make(node)
    if kind not in builders:
        return []
    try:
        built = builders[kind]()
    except NasError as error:
        return [str(error) if str(error).startswith(f"{place}.") else f"{place}: {error}"]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - Optuna's refusals, and users' code
        told = str(error) if isinstance(error, ValueError | TypeError) else repr(error)
        return [f"{place}: {node['_target_']} refuses its arguments: {told}"]
    lacking = [name for name in _MUST_HAVE.get(kind, ()) if not hasattr(built, name)]
    if lacking:
        made = f"{node['_target_']} makes {type(built).__name__}, which has no {lacking[0]}"
        return [f"{place}._target_: {made}; name one that makes a {_KINDS[kind]}"]
    return []


def _check_data(node: Mapping[str, Any]) -> None:
    """Judge what is told of images and, of a folder, whether it holds classes; nothing is read.

    Raises:
        DataError: a setting is not allowed, or the folder has no classes.
    """
    judge = getattr(locate(node["_target_"]), "prepared", None)
    preparation = judge(node) if judge is not None else None
    if node["_target_"] == _FOLDER_LOADER and preparation is not None:
        given = check_classes(checked_folder(str(node["path"])))
        check_fractions({w: s for w, s in preparation.fractions.items() if w not in given})


def check_training(recorded: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Judge settings of `training` that differ from those that a run was begun with.

    Raises:
        ConfigError: says what is wrong with them.
    """
    place = "training"
    validator = Validator()
    node = {**recorded, **changes}
    validate_node(validator, place=place, node=node, injected=())
    faults = validator.faults or _building_faults(place, node)
    own = [fault for fault in faults if any(str(key) in fault for key in changes)]
    if own:
        raise ConfigError(in_one_message(own))


def check_node_of_space(composed: Composed) -> Mapping[str, Any]:
    """Check the search space alone, and return its node.

    Raises:
        ConfigError: with every fault of it.
    """
    place = "search_space"
    validator = Validator(
        known_faults=[fault for fault in composed.faults if place in fault],
        left_out=composed.unresolved,
        copied=composed.copied,
    )
    node = with_settled(composed.values).get(place)
    if not isinstance(node, Mapping):
        validator.faults.append(f"{place} must be a mapping, but got {show(node)}")
    if not validator.faults:
        validate_node(validator, place=place, node=node, injected=())
    if not validator.faults and isinstance(node, Mapping) and composed.is_whole(place):
        validator.faults.extend(_building_faults(place, node))
    if validator.faults or not isinstance(node, Mapping):
        raise ConfigError(in_one_message(validator.faults))
    return node
