"""Which words of a command line are flags, and which are settings?

The flags of `nas search` are Hydra's, by Hydra's names. The other commands take `key=value` words
only.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from nas.errors import ConfigError, nearest_first

_FIRST_FILE = "search"
INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")


@dataclass(frozen=True)
class SearchFlags:
    """What stood beside the overrides.

    Attributes:
        overrides: everything that is no flag, in order.
        config_dir: a folder of the user's YAML files, or None.
        config_name: the file to begin with.
        config_path: a run folder to begin with instead, or None.
        is_multirun: run each combination of swept values.
        cfg: print the configuration instead: job, hydra or all.
        package: of `cfg`, only this node.
        is_resolved: of `cfg`, with interpolations resolved.
        info: print how it is composed instead.
        wants_help: print the help instead.
    """

    overrides: tuple[str, ...]
    config_dir: Path | None
    config_name: str
    config_path: Path | None
    is_multirun: bool
    cfg: str | None
    package: str | None
    is_resolved: bool
    info: str | None
    wants_help: bool


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raise instead of ending the process."""
        raise ConfigError(f"{message}; see nas search --help")


def _parser() -> _Parser:
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("overrides", nargs="*", default=[])
    parser.add_argument("--help", "-h", action="store_true")
    parser.add_argument("--config-dir", "-cd", type=Path)
    parser.add_argument("--config-name", "-cn", default=_FIRST_FILE)
    parser.add_argument("--config-path", "-cp", type=Path)
    parser.add_argument("--multirun", "-m", action="store_true")
    parser.add_argument("--cfg", "-c", choices=["job", "hydra", "all"])
    parser.add_argument("--package", "-p")
    parser.add_argument("--resolve", action="store_true")
    parser.add_argument("--info", "-i", nargs="?", const="all", choices=INFO)
    return parser


def parse_search_flags(words: Sequence[str]) -> SearchFlags:
    """Tell flags from overrides.

    Raises:
        ConfigError: a flag is unknown or lacks its value.
    """
    found = _parser().parse_intermixed_args(list(words))
    if found.config_path is not None and (found.config_dir or found.config_name != _FIRST_FILE):
        raise ConfigError(
            f"--config-path {found.config_path} brings the files that its run began with, so "
            "--config-dir and --config-name cannot be given beside it"
        )
    return SearchFlags(
        overrides=tuple(found.overrides),
        config_dir=None if found.config_dir is None else found.config_dir.absolute(),
        config_name=found.config_name.removesuffix(".yaml"),
        config_path=found.config_path,
        is_multirun=found.multirun,
        cfg=found.cfg,
        package=found.package,
        is_resolved=found.resolve,
        info=found.info,
        wants_help=found.help,
    )


def parse_settings(words: Sequence[str], *, defaults: Mapping[str, str | None]) -> dict[str, str]:
    """Read `key=value` words.

    Args:
        words: of the command line.
        defaults: key -> value where it is not given; None where it must be.

    Raises:
        ConfigError: with all faults: unknown keys, missing ones, words that are no setting.
    """
    faults = []
    given: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            faults.append(f"'{word}' is no setting; write key=value")
        elif key not in defaults:
            known = nearest_first(key, defaults)
            faults.append(f"there is no option '{key}'; known, nearest first: {known}")
        else:
            given[key] = value
    settings = {key: given.get(key, default) for key, default in defaults.items()}
    faults.extend(f"{key}=... must be given" for key, value in settings.items() if not value)
    faults.extend(
        f"{key}: no path or name holds the character {character!r}"
        for key, value in given.items()
        for character in dict.fromkeys(value)
        if character in "\0\n\r"
    )
    if faults:
        raise ConfigError("; ".join(faults))
    return {key: value for key, value in settings.items() if value is not None}


def parse_list(text: str) -> list[str]:
    """Return the items of a list as on a command line.

    >>> parse_list("[runs/a, runs/b]"), parse_list("runs/a")
    (['runs/a', 'runs/b'], ['runs/a'])
    """
    inner = text.strip().removeprefix("[").removesuffix("]")
    return [item.strip().strip("'\"") for item in inner.split(",") if item.strip()]
