"""What do the YAML files and the command line add up to?

Hydra composes, through its public compose API; nothing else in the framework knows it, but
`nas.config.override_faults`, which says what is wrong with an override, and `nas.assemble.make`,
which instantiates.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig

from nas.config.earlier_names import notes_on_old_names, with_new_names
from nas.config.foreign import check_record
from nas.config.groups import groups_of
from nas.config.override_faults import COMPOSING_FAILS, good_overrides, key_fault, no_effect
from nas.config.overrides import for_hydra, key_of, legibility_fault, parse
from nas.config.resolve import Resolver, first_words
from nas.config.source import ConfigSource, check_source
from nas.config.units import with_numbers
from nas.errors import ConfigError
from nas.paths import conf_dir

# What Hydra, OmegaConf and the YAML reader raise besides, on values that they do not expect.
_UNEXPECTED = (ValueError, TypeError, AttributeError, KeyError, AssertionError, RecursionError)


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
            if any(legibility_fault(text) or no_effect(text) for text in source.overrides):
                raise HydraException("some are not even composed")
            config = composer(source.overrides)
        except COMPOSING_FAILS:
            good = good_overrides(source, composer, faults)
            config = composer(good)
        resolver = Resolver()
        plain = resolver.plain(config, path="")
        values = with_numbers(with_new_names(plain))
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

    kept = cache(_composed)

    def composed(overrides: Sequence[str]) -> DictConfig:
        reads_users_files = source.config_dir or any("hydra" in key_of(o) for o in overrides)
        composer = kept if reads_users_files else _composed_of_shipped_files
        return composer(source.config_name, tuple(overrides))

    try:
        with initialize_config_dir(str(conf_dir()), job_name="nas", version_base="1.3"):
            yield composed
    finally:
        _USERS_FOLDER.reset(token)


def _composed(config_name: str, overrides: tuple[str, ...]) -> DictConfig:
    try:
        return compose(config_name, overrides=[for_hydra(text) for text in overrides])
    except _UNEXPECTED as error:
        raise HydraException(first_words(error)) from error


# Composing takes a tenth of a second, and judging overrides one by one, a sweep, or several
# searches of one process ask for the same again. Shipped files stay as they are meanwhile.
_composed_of_shipped_files = lru_cache(maxsize=64)(_composed)


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


def on_top(source: ConfigSource, overrides: Sequence[str]) -> ConfigSource:
    """Return a source with further overrides.

    Where one of them makes another choice from a group, settings that only the old choice has are
    left out: `execution=inline` after `execution.num_workers=8`.
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
                if key_fault(override, composer, before + chosen, groups, source):
                    lost.add(text)
    kept = [text for text in source.overrides if text not in lost]
    return replace(source, overrides=(*kept, *overrides), told=(*source.told, *overrides))
