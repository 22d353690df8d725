"""Which words of a command line are flags, which are settings, and which stand by themselves?

The table of commands says what each command takes; the flags are Hydra's, by Hydra's names.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from nas.cli.command import Argument, Command
from nas.errors import ConfigError, nearest_first

_FIRST_FILE = "search"
# How a flag is read that is not a plain word, by its long name.
_READ: dict[str, dict[str, Any]] = {
    "--config-dir": {"type": Path},
    "--config-name": {"default": _FIRST_FILE},
    "--config-path": {"type": Path},
    "--multirun": {"action": "store_true"},
    "--resolve": {"action": "store_true"},
    "--info": {"nargs": "?", "const": "all"},
}


@dataclass(frozen=True)
class Flags:
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
    """

    overrides: tuple[str, ...]
    config_dir: Path | None = None
    config_name: str = _FIRST_FILE
    config_path: Path | None = None
    is_multirun: bool = False
    cfg: str | None = None
    package: str | None = None
    is_resolved: bool = False
    info: str | None = None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raise instead of ending the process."""
        raise ConfigError(f"{message}; see {self.prog} --help")


def parse_flags(words: Sequence[str], command: Command) -> Flags:
    """Tell the flags of a command from its other words.

    Raises:
        ConfigError: a flag is unknown or lacks its value.
    """
    parser = _Parser(prog=f"nas {command.name}", add_help=False, allow_abbrev=False)
    parser.add_argument("overrides", nargs="*", default=[])
    for flag in command.flags:
        how = dict(_READ.get(flag.flags[0], {}))
        if flag.choices:
            how["choices"] = flag.choices
        parser.add_argument(*flag.flags, **how)
    found = vars(parser.parse_intermixed_args(list(words)))
    config_dir, config_path = found.get("config_dir"), found.get("config_path")
    config_name = found.get("config_name", _FIRST_FILE)
    if config_path is not None and (config_dir or config_name != _FIRST_FILE):
        raise ConfigError(
            f"--config-path {config_path} brings the files that its run began with, so "
            "--config-dir and --config-name cannot be given beside it"
        )
    return Flags(
        overrides=tuple(found["overrides"]),
        config_dir=None if config_dir is None else config_dir.absolute(),
        config_name=config_name.removesuffix(".yaml"),
        config_path=config_path,
        is_multirun=found.get("multirun", False),
        cfg=found.get("cfg"),
        package=found.get("package"),
        is_resolved=found.get("resolve", False),
        info=found.get("info"),
    )


def parse_settings(words: Sequence[str], command: Command) -> dict[str, str]:
    """Read `key=value` words.

    Args:
        words: of the command line.
        command: says which keys there are, which must be given, and what the others are.

    Returns:
        What was given, and the defaults of what was not.

    Raises:
        ConfigError: with all faults: unknown keys, missing ones, words that are no setting.
    """
    faults = []
    given: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            meant = (
                f"trial={word}" if word.isdecimal() and "trial" in command.keys else "key=value"
            )
            faults.append(f"'{word}' is no setting; write {meant}")
        elif key not in command.keys:
            known = nearest_first(key, command.keys)
            faults.append(f"there is no option '{key}'; known, nearest first: {known}")
        else:
            given[key] = value
    faults.extend(
        f"{key}=... must be given" + _without_key(argument, command)
        for key, argument in command.keys.items()
        if given.get(key) == "" or (argument.is_required and key not in given)
    )
    faults.extend(
        f"{key} must be one of {', '.join(allowed)}, but got {value!r}"
        for key, value in given.items()
        if value and (allowed := command.keys[key].choices) and value not in allowed
    )
    faults.extend(
        f"{key}: no path or name holds the character {character!r}"
        for key, value in given.items()
        for character in dict.fromkeys(value)
        if character in "\0\n\r"
    )
    if faults:
        raise ConfigError("; ".join(faults))
    defaults = {key: argument.default for key, argument in command.keys.items()}
    return {k: v for k, v in {**defaults, **given}.items() if v is not None}


def _without_key(argument: Argument, command: Command) -> str:
    """Return how an argument is given without its key, where it can be."""
    return f", or alone: nas {command.name} {argument.usual}" if argument.is_first else ""


def take_bare(words: Sequence[str], command: Command) -> tuple[list[str], list[str]]:
    """Return the words that stand by themselves, as many as the command takes, and the others.

    Raises:
        ConfigError: there are fewer.
    """
    number = len(command.bare)
    bare, others = list(words[:number]), list(words[number:])
    if len(bare) < number or (others and not command.keys):
        got = " ".join(words) or "nothing"
        raise ConfigError(
            f"write nas {command.name} {command.usage()}".rstrip() + f", but got {got}"
        )
    return bare, others


def parse_list(text: str) -> list[str]:
    """Return the items of a list as on a command line.

    >>> parse_list("[runs/a, runs/b]"), parse_list("runs/a")
    (['runs/a', 'runs/b'], ['runs/a'])
    """
    inner = text.strip().removeprefix("[").removesuffix("]")
    return [item.strip().strip("'\"") for item in inner.split(",") if item.strip()]
