"""What is one override? Read by Hydra's own grammar, within bounds that keep reading it quick."""

import os
import re
import unicodedata

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from nas.config.quoting import quoted
from nas.errors import ConfigError
from nas.metric import METRICS

MAX_LENGTH = 20_000  # characters; Hydra's grammar reads about 10,000 in a second
MAX_DEPTH = 30  # brackets within brackets; Python's own stack ends at about 300
MAX_COMBINATIONS = 1_000  # of a sweep: each is composed and checked before the first one runs
_TOO_LONG = "put it into a YAML file and name its folder by --config-dir"


def for_hydra(text: str) -> str:
    """Return an override as Hydra wants it, where ours is shorter.

    >>> for_hydra("objectives=[accuracy,num_macs]"), for_hydra("execution.resources.jetson=1")
    ('objectives.metrics=[accuracy,num_macs]', '++execution.resources.jetson=1')
    >>> for_hydra("data.path=my photos (2)")  # a path is no expression
    "data.path='my photos (2)'"
    >>> for_hydra("constraints.latency_ms@pi5.max=20")  # to Hydra, @ in a key names a package
    '++constraints={latency_ms@pi5:{max:20}}'
    """
    if text.startswith("objectives=["):
        return text.replace("objectives=", "objectives.metrics=", 1)
    if _is_bare_path(text):
        key, _, path = text.partition("=")
        return f"{key}={quoted(_without_tilde(path))}"
    on_device = _ON_DEVICE.fullmatch(text)
    if on_device is not None:
        node, metric, limit, value = on_device.groups()
        return f"++{node}={{{metric}:{{{limit}:{value}}}}}"
    return f"++{text}" if text.startswith(_OPEN) else text


_PATHS = ("path", "folder", "run_folder", "root", "file", "transfer_from")
_PLAIN = re.compile(r"[\w./:%+@*?|$-]*", re.ASCII)  # what Hydra's grammar takes without quotes


def _is_bare_path(text: str) -> bool:
    """Say whether a setting that is a path has a value that Hydra would read as an expression.

    Lists, what is quoted or escaped, interpolations and sweeps stay what they are; a path with a
    comma that is there is a path.
    """
    value = text.partition("=")[2]
    if key_of(text).rpartition(".")[2] not in _PATHS or _PLAIN.fullmatch(value):
        return False
    if value[0] in "'\"[{" or any(mark in value for mark in ("${", "\\")):
        return False
    return "," not in value or os.path.lexists(_without_tilde(value))


def _without_tilde(path: str) -> str:
    """Return a path from the user's home; of Path it fails for an unknown user's."""
    return os.path.expanduser(path)  # noqa: PTH111


_ON_DEVICE = re.compile(
    r"\+{0,2}(constraints|pick)\.(\w+@[\w-]+)\.(\w+)=(.*)", re.ASCII | re.DOTALL
)
# Mappings that take any key, and the limits of metrics that the files do not list.
_OPEN = ("constraints.", "execution.resources.", *(f"pick.{name}." for name in METRICS))


def key_of(text: str) -> str:
    """Return what an override sets or chooses."""
    return text.partition("=")[0].lstrip("+~")


def parse(text: str) -> Override:
    """Return an override, read.

    Raises:
        ConfigError: it is none; says why, without the override itself.
    """
    if (fault := legibility_fault(text)) is not None:
        raise ConfigError(fault)
    try:
        return OverridesParser.create().parse_override(for_hydra(text))
    except HydraException as error:
        raise ConfigError(f"{str(error).splitlines()[0]}") from error
    except (ValueError, RecursionError) as error:  # whole numbers of over 4,300 digits
        raise ConfigError(str(error).partition(";")[0]) from error


def legibility_fault(text: str) -> str | None:
    """Return why an override is not even tried to be read; None if it is."""
    if len(text) > MAX_LENGTH:
        return f"it has {len(text):,} characters, and at most {MAX_LENGTH:,} are read; {_TOO_LONG}"
    depth = deepest = 0
    for character in text:
        depth += (character in "[{(") - (character in "]})")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        return f"its brackets are {deepest} deep, and at most {MAX_DEPTH} are read; {_TOO_LONG}"
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs") and character not in "\t\n":
            return f"it holds the character {character!r}, which no setting takes"
    return None


def shown(text: str) -> str:
    """Return an override as a message shows it: cut where it is long.

    >>> shown("seed=" + "1" * 200)[-12:]
    '111111111...'
    """
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


_MAX_SHOWN = 120
