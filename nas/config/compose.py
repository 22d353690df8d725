"""What do the YAML files and the command line add up to, and what is wrong with the overrides?

Hydra composes, through its public compose API; nothing else in the framework knows it, but
`nas.assemble.make`, which instantiates. Hydra stops at the first bad override with a text of its
own. So when composing fails, each override is checked here by itself, and the configuration is
composed of those that are good.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # comes with OmegaConf, without types
from hydra import compose, initialize_config_dir
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nas.config.earlier_names import notes_on_old_names, with_new_names
from nas.config.foreign import check_record
from nas.config.groups import choices_of, groups_of
from nas.config.overrides import for_hydra, legibility_fault, parse, shown
from nas.config.resolve import Resolver, first_words
from nas.config.validator import join, unknown_key
from nas.errors import ConfigError, nearest_first
from nas.paths import conf_dir

COMPOSING_FAILS = (HydraException, OmegaConfBaseException, yaml.YAMLError, OSError)
# What Hydra, OmegaConf and the YAML reader raise besides, on values that they do not expect.
_UNEXPECTED = (ValueError, TypeError, AttributeError, KeyError, AssertionError, RecursionError)
_MAY_BE_NULL = ("preset", "search_space/compression")  # groups that need not be chosen from
_MAX_NAME = 100  # characters of a name that are compared with those that there are


@dataclass(frozen=True)
class ConfigSource:
    """Where a configuration comes from.

    Attributes:
        config_dir: the user's folder of YAML files, absolute, beside the shipped one; or None.
        config_name: the file to begin with, without `.yaml`.
        overrides: as on the command line.
        record: the run folder that some of it comes from, or None.
        told: the overrides of the command line, where others come from a record.
    """

    config_dir: Path | None = None
    config_name: str = "search"
    overrides: tuple[str, ...] = ()
    record: Path | None = None
    told: tuple[str, ...] = ()

    @property
    def folders(self) -> tuple[Path, ...]:
        """All folders of YAML files; a file hides its namesakes in later folders."""
        return (conf_dir(),) if self.config_dir is None else (conf_dir(), self.config_dir)

    def without(self, keys: Collection[str]) -> "ConfigSource":
        """Return the same without the overrides of some keys."""
        kept = tuple(text for text in self.overrides if key_of(text) not in keys)
        return replace(self, overrides=kept)


@dataclass(frozen=True)
class Composed:
    """A configuration, and what could not be part of it.

    Attributes:
        values: plain values, interpolations resolved.
        faults: one sentence for each override or value that was left out.
        unresolved: dotted names of values that were left out because others are missing.
        copied: dotted name of a value that stands elsewhere -> where, or itself if in several.
        notes: names of an earlier version in the files, which are understood.
    """

    values: dict[str, Any]
    faults: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    copied: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def is_whole(self, place: str) -> bool:
        """Say whether nothing below a node was left out."""
        return not any(name.startswith(f"{place}.") for name in self.unresolved)


def compose_values(source: ConfigSource) -> Composed:
    """Compose all that can be composed, and say what cannot.

    Raises:
        ConfigError: not even the files without overrides compose; or a record names what is not
            done for a run of someone else (`nas.config.foreign`).
    """
    check_source(source)
    faults: list[str] = []
    with opened(source) as composer:
        try:
            if any(legibility_fault(text) or _no_effect(text) for text in source.overrides):
                raise HydraException("some are not even composed")
            config = composer(source.overrides)
        except COMPOSING_FAILS:
            good = _good_overrides(source, composer, faults)
            config = composer(good)
        resolver = Resolver()
        plain = resolver.plain(config, path="")
        values = with_new_names(plain)
    if source.record is not None:
        check_record(source.record, values, told=source.told)
    return Composed(
        values,
        (*faults, *resolver.faults),
        tuple(resolver.unresolved),
        resolver.copied,
        tuple(notes_on_old_names(plain)),
    )


@contextmanager
def opened(source: ConfigSource) -> Iterator[Callable[[Sequence[str]], DictConfig]]:
    """Yield a function that composes overrides on top of the files."""
    Plugins.instance().register(_UsersFolder)
    token = _USERS_FOLDER.set(source.config_dir)

    @cache
    def composed(overrides: tuple[str, ...]) -> DictConfig:
        try:
            return compose(source.config_name, overrides=[for_hydra(text) for text in overrides])
        except _UNEXPECTED as error:
            raise HydraException(first_words(error)) from error

    try:
        with initialize_config_dir(str(conf_dir()), job_name="nas", version_base="1.3"):
            # Kept: judging overrides one by one asks for the same ones again and again.
            yield lambda overrides: composed(tuple(overrides))
    finally:
        _USERS_FOLDER.reset(token)


_USERS_FOLDER: ContextVar[Path | None] = ContextVar("users_folder", default=None)


class _UsersFolder(SearchPathPlugin):
    """Puts the user's folder of YAML files behind ours.

    An override of `hydra.searchpath` would do for groups, but not for the file to begin with.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Add the folder of the moment."""
        folder = _USERS_FOLDER.get()
        if folder is not None:
            search_path.append(provider="command line", path=f"file://{folder}")


def check_source(source: ConfigSource) -> None:
    """Refuse a folder or a file to begin with that is not there.

    Raises:
        ConfigError: it is missing; what is there is listed.
    """
    folder = source.config_dir
    if folder is not None and not folder.is_dir():
        raise ConfigError(f"--config-dir {folder} is no folder; give one that holds YAML files")
    known = {path.stem for place in source.folders for path in place.glob("*.yaml")}
    is_nested = any((place / f"{source.config_name}.yaml").is_file() for place in source.folders)
    if not is_nested:
        raise ConfigError(
            f"--config-name {source.config_name}: there is no such file; known, nearest first: "
            f"{nearest_first(source.config_name, known)}"
        )


def on_top(source: ConfigSource, overrides: Sequence[str]) -> ConfigSource:
    """Return a source with further overrides.

    Where one of them chooses from a group anew, what was said of the old choice and the new one
    does not have is left out: `execution=inline` after `execution.num_workers=8`.
    """
    groups = groups_of(source.folders)
    chosen = [text for text in overrides if key_of(text) in groups]
    prefixes = tuple(f"{key_of(text).replace('/', '.')}." for text in chosen)
    doubtful = [text for text in source.overrides if key_of(text).startswith(prefixes)]
    lost = set()
    if doubtful:
        before = [text for text in source.overrides if key_of(text) in groups]
        # Choices that do not compose are told where all faults are.
        with suppress(ConfigError, *COMPOSING_FAILS), opened(source) as composer:
            for text in doubtful:
                override = parse(text)
                if _key_fault(
                    override, composer, before + chosen, groups, config_name=source.config_name
                ):
                    lost.add(text)
    kept = [text for text in source.overrides if text not in lost]
    return replace(source, overrides=(*kept, *overrides), told=(*source.told, *overrides))


def key_of(text: str) -> str:
    """Return what an override sets or chooses."""
    return text.partition("=")[0].lstrip("+~")


def _good_overrides(
    source: ConfigSource, composer: Callable[[Sequence[str]], DictConfig], faults: list[str]
) -> list[str]:
    """Return the overrides that compose together; say why for each that does not."""
    try:
        composer(())
    except COMPOSING_FAILS as error:
        raise ConfigError(
            f"the configuration files cannot be read: {first_words(error)}"
        ) from error
    groups = groups_of(source.folders)
    parsed = [(text, _parse(text, faults, source.folders)) for text in source.overrides]
    of_groups = [text for text, item in parsed if item is not None and _group(item) in groups]
    of_values = [text for text, item in parsed if item is not None and _group(item) not in groups]
    good: list[str] = []
    known = dict(parsed)
    for text in dict.fromkeys(of_groups + of_values):
        override = known[text]
        assert override is not None, "only what could be read is here"
        fault = (
            _no_effect(text)
            or _group_fault(override, source)
            or _key_fault(override, composer, good, groups, config_name=source.config_name)
        )
        if fault is None and _group(override) in groups and not _is_chosen(override, source):
            fault = unknown_key(text.partition("=")[0], [str(key) for key in composer(good)])
        fault = fault or _composing_fault(text, override, composer, good)
        if fault is None:
            good.append(text)
        else:
            faults.append(fault)
    return good


def _no_effect(text: str) -> str | None:
    """Return why an override would change nothing: Hydra composes for us and starts no job."""
    key = key_of(text)
    if not key.startswith(("hydra.", "hydra/")) or key == "hydra.searchpath":
        return None
    return (
        f"'{shown(text)}' would change nothing, for Hydra only composes the settings here; "
        "leave it out (the folder of a run is set by nas search run_folder=...)"
    )


def _parse(text: str, faults: list[str], folders: Sequence[Path]) -> Override | None:
    try:
        return parse(text)
    except ConfigError as error:
        key, equals, _ = text.partition("=")
        if legibility_fault(text) is not None:
            faults.append(f"'{shown(text)}' cannot be read: {error}")
        elif not equals:
            faults.append(f"'{shown(text)}' is no override; write {_example(text, folders)}")
        else:
            advice = f"quote the value: '{shown(key)}=\"...\"'"
            faults.append(f"'{shown(text)}' cannot be read: {shown(str(error))}; {advice}")
        return None


def _example(text: str, folders: Sequence[Path]) -> str:
    """Return the override that a lone word may have meant."""
    of_choice = [group for group in groups_of(folders) if text in choices_of(group, folders)]
    return f"{of_choice[0]}={text}" if of_choice else f"{text}=VALUE"


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
        (folder / group / f"{choice}.yaml").is_file() for folder in source.folders
    ):
        return None
    told = "null" if choice is None else choice
    return (
        f"{group}={shown(str(told))}: there is no such choice of {group}; known, nearest first: "
        f"{nearest_first(str(told)[:_MAX_NAME], known)}"
    )


def _key_fault(
    override: Override,
    composer: Callable[[Sequence[str]], DictConfig],
    good: Sequence[str],
    groups: Sequence[str],
    *,
    config_name: str,
) -> str | None:
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
            known |= {} if path else dict.fromkeys(_open_groups(config_name))
            return unknown_key(join(path, key), known)
        path = join(path, key)
        node = None if OmegaConf.is_missing(node, key) else node[key]
    return None


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
            return f"'{shown(text)}' has several values; {advice}"
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
