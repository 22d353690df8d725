"""What is wrong with the overrides, one by one?

Hydra stops at the first bad override with a text of its own. So when composing fails, each
override is checked here by itself, and those that compose together are kept.
"""

import os
import re
from collections.abc import Callable, Sequence
from typing import Any

import yaml  # type: ignore[import-untyped]  # comes with OmegaConf, without types
from hydra import compose
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nas.config.advice import (
    advice_on_path,
    bare_word_faults,
    fault_of_choice,
    meant_places,
)
from nas.config.groups import choices_of, groups_of
from nas.config.nodes import WRAPPERS
from nas.config.overrides import key_of, legibility_fault, parse, shown
from nas.config.resolve import first_words
from nas.config.source import ConfigSource
from nas.config.validator import join, unknown_key
from nas.errors import ConfigError, nearest_first

COMPOSING_FAILS = (HydraException, OmegaConfBaseException, yaml.YAMLError, OSError)
# Groups that need not be chosen from.
_MAY_BE_NULL = ("preset", *(f"search_space/{key}" for key in WRAPPERS))
_NUMBER_WITH_COMMA = re.compile(r"([\w.+@-]+)=(\d+),(\d+ ?[A-Za-z%]*)")
_MAX_NAME = 100  # characters of a name that are compared with those that there are


def good_overrides(
    source: ConfigSource, composer: Callable[[Sequence[str]], DictConfig], faults: list[str]
) -> list[str]:
    """Return the overrides that compose together; say why for each that does not."""
    try:
        keys = [str(key) for key in composer(())]
    except COMPOSING_FAILS as error:
        raise ConfigError(
            f"the configuration files cannot be read: {first_words(error)}"
        ) from error
    groups = groups_of(source.folders)
    faults += [fault for _, fault in bare_word_faults(source.overrides, keys, source.folders)]
    written = [text for text in source.overrides if "=" in text or text.startswith("~")]
    written = [text for text in written if not text.startswith("=")]  # told above
    parsed = [(text, _parse(text, faults)) for text in written]
    of_groups = [text for text, item in parsed if item is not None and _group(item) in groups]
    of_values = [text for text, item in parsed if item is not None and _group(item) not in groups]
    good: list[str] = []
    known = dict(parsed)
    for text in dict.fromkeys(of_groups + of_values):
        override = known[text]
        assert override is not None, "only what could be read is here"
        fault = (
            no_effect(text)
            or _group_fault(override, source)
            or _advised_key_fault(override, composer, good, groups, source)
        )
        if fault is None and _group(override) in groups and not _is_chosen(override, source):
            fault = unknown_key(text.partition("=")[0], [str(key) for key in composer(good)])
        fault = fault or _composing_fault(text, override, composer, good)
        if fault is None:
            good.append(text)
        else:
            faults.append(fault)
    return good


def no_effect(text: str) -> str | None:
    """Return why an override would change nothing: Hydra composes for us and starts no job."""
    key = key_of(text)
    if not key.startswith(("hydra.", "hydra/")) or key == "hydra.searchpath":
        return None
    return (
        f"'{shown(text)}' would change nothing, for Hydra only composes the settings here; "
        "leave it out (the folder of a run is set by nas search run_folder=...)"
    )


def _parse(text: str, faults: list[str]) -> Override | None:
    try:
        return parse(text)
    except ConfigError as error:
        key = text.partition("=")[0]
        if legibility_fault(text) is not None:
            faults.append(f"'{shown(text)}' cannot be read: {error}")
        else:
            advice = f"quote the value: '{shown(key)}=\"...\"'"
            faults.append(f"'{shown(text)}' cannot be read: {shown(str(error))}; {advice}")
        return None


def _group(override: Override) -> str:
    return str(override.key_or_group)


def _group_fault(override: Override, source: ConfigSource) -> str | None:
    group = _group(override)
    known = choices_of(group, source.folders)
    if override.is_delete() or not known or override.is_sweep_override():
        return None
    choice = override.value()
    if choice is None and group in _MAY_BE_NULL:
        return None
    if isinstance(choice, list) and choice and all(name in known for name in choice):
        return None  # Hydra puts several files together
    if isinstance(choice, str) and any(
        os.path.isfile(folder / group / f"{choice}.yaml")  # noqa: PTH113 - Path raises: too long
        for folder in source.folders
    ):
        return None
    told = "null" if choice is None else choice
    if isinstance(choice, str) and (advice := advice_on_path(group, choice, source.folders)):
        return advice
    return (
        f"{group}={shown(str(told))}: there is no such choice of {group}; known, nearest first: "
        f"{nearest_first(str(told)[:_MAX_NAME], known)}"
    )


def _advised_key_fault(
    override: Override,
    composer: Callable[[Sequence[str]], DictConfig],
    good: Sequence[str],
    groups: Sequence[str],
    source: ConfigSource,
) -> str | None:
    """Return why an override sets what is not there, and which choice of a group has it."""
    fault = key_fault(override, composer, good, groups, source)
    if fault is None or override.is_sweep_override():
        return fault
    value = None if override.is_delete() else override.value()
    return fault_of_choice(_group(override), value, source.folders) or fault


def key_fault(
    override: Override,
    composer: Callable[[Sequence[str]], DictConfig],
    good: Sequence[str],
    groups: Sequence[str],
    source: ConfigSource,
) -> str | None:
    """Return why an override sets what the configuration does not have; None where it has it."""
    if override.is_add() or override.is_force_add() or _group(override) in groups:
        return None
    node: Any = composer(good)
    path = ""
    for key in _group(override).split("."):
        if OmegaConf.is_list(node):
            return None
        if not OmegaConf.is_dict(node):
            return f"{path} is a single value, so it has no '{key}'; give {path}=..."
        if key not in list(node):  # `in` denies what is still to be given
            group = join(path, key).replace(".", "/")
            if group in groups:
                return f"{join(path, key)} is a group: write {group}={override.value()}"
            known = {str(other): None for other in node}
            if path:
                return unknown_key(join(path, key), known)
            known |= dict.fromkeys(_open_groups(source.config_name))
            meant = meant_places(key, _settings(node), source.folders)
            return unknown_key(key, known, meant=meant)
        path = join(path, key)
        node = None if OmegaConf.is_missing(node, key) else node[key]
    return None


def _settings(node: DictConfig) -> dict[Any, Any]:
    """Return a configuration as plain values, nothing in it resolved."""
    values = OmegaConf.to_container(node, resolve=False)
    assert isinstance(values, dict), "a configuration is a mapping"
    return values


def _composing_fault(
    text: str,
    override: Override,
    composer: Callable[[Sequence[str]], DictConfig],
    good: Sequence[str],
) -> str | None:
    try:
        composer([*good, text])
    except COMPOSING_FAILS as error:
        if override.is_sweep_override():
            advice = "add --multirun to run one after the other, or write [a,b] for a list"
            if number := _NUMBER_WITH_COMMA.fullmatch(text):
                key, whole, rest = number.groups()
                advice += f"; a number has no comma: {key}={whole}{rest} or {key}={whole}.{rest}"
            return f"'{shown(text)}' has several values; {advice}"
        if str(error).startswith("Error merging override") and error.__cause__ is not None:
            told = first_words(error.__cause__).partition(";")[0]
            told = told.replace("DictConfig", "a mapping").replace("ListConfig", "a list")
            return f"'{shown(text)}' does not fit there: {shown(told)}"
        return f"'{shown(text)}': {shown(first_words(error))}"
    return None


def _is_chosen(override: Override, source: ConfigSource) -> bool:
    """Say whether this configuration chooses from a group; what is added is chosen with it."""
    if override.is_add() or override.is_force_add():
        return True
    return override.package is None and _group(override) in _open_groups(source.config_name)


def _open_groups(config_name: str) -> list[str]:
    """Return the groups that this configuration chooses from: not every command reads them all."""
    chosen = compose(config_name, return_hydra_config=True).hydra.runtime.choices
    return [str(group) for group in chosen if not str(group).startswith("hydra/")]
