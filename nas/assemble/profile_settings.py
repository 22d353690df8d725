"""What does a command line ask of a `nas profile`? Read and checked before torch is loaded."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nas.assemble.check import check_values
from nas.assemble.jobs import compose_known
from nas.config.check import in_one_message
from nas.config.compose import Composed, on_top
from nas.config.recorded import read_source
from nas.config.schema import SearchConfig
from nas.config.source import ConfigSource
from nas.errors import ConfigError, nearest_first
from nas.record.run_folder import RunFolder

_NUM_SAMPLES = 1000
_MOST_SAMPLES = 100_000  # some minutes
OWN_KEYS = ("run", "samples", "train", "proxies", "save")
_OF_A_RUN = ("name", "run_folder", "resume", "ui")  # nothing is searched, nothing written


@dataclass(frozen=True)
class ProfileSettings:
    """What concerns the look itself.

    Attributes:
        overrides: the search's.
        run: folder of a run to take settings and results from, or None.
        num_samples: architectures whose costs are counted, at most.
        trains: measure how long trials take.
        proxies: names of zero-cost proxies to compute.
        save: JSON file to write, or None.
    """

    overrides: tuple[str, ...]
    run: Path | None = None
    num_samples: int = _NUM_SAMPLES
    trains: bool = True
    proxies: tuple[str, ...] = ()
    save: Path | None = None


def read_settings(
    words: Sequence[str], *, known_proxies: Callable[[], Sequence[str]]
) -> ProfileSettings:
    """Tell the settings of the look from the overrides of the search.

    Args:
        words: of the command line.
        known_proxies: names them; asked where the line names some.

    Raises:
        ConfigError: with every fault in the settings of the look.
    """
    own: dict[str, str] = {}
    overrides = []
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key in OWN_KEYS:
            own[key] = value
        elif key.lstrip("+") not in _OF_A_RUN:
            overrides.append(word)
    faults: list[str] = []
    settings = ProfileSettings(
        overrides=tuple(overrides),
        run=Path(own["run"]) if own.get("run") else None,
        num_samples=_whole(own, "samples", faults),
        trains=_switch(own, "train", faults),
        proxies=_names(own["proxies"], known_proxies(), faults) if own.get("proxies") else (),
        save=_file(own["save"], faults) if own.get("save") else None,
    )
    if faults:
        raise ConfigError(in_one_message(faults))
    return settings


def _whole(own: Mapping[str, str], key: str, faults: list[str]) -> int:
    text = own.get(key, str(_NUM_SAMPLES))
    is_short = len(text) <= len(str(_MOST_SAMPLES))
    if not text.isdecimal() or not is_short or not 1 <= int(text) <= _MOST_SAMPLES:
        faults.append(
            f"{key} must be a whole number of at least 1 and at most {_MOST_SAMPLES:,}, "
            f"but got {text[:40]!r}"
        )
        return _NUM_SAMPLES
    return int(text)


def _file(text: str, faults: list[str]) -> Path:
    """Return the file to write, and note why it cannot be or should not be written."""
    path = Path(text)
    place = next((parent for parent in path.absolute().parents if parent.exists()), path)
    if path.is_dir():
        faults.append(f"save: {text} is a folder; name a file: save={path / 'profile.json'}")
    elif not place.is_dir() or not os.access(place, os.W_OK):
        faults.append(f"save: nothing can be written in {place}; name another place")
    elif path.exists() and path.suffix != ".json":
        faults.append(f"save: {text} exists and is no .json file, so it stays; name another one")
    return path


def _switch(own: Mapping[str, str], key: str, faults: list[str]) -> bool:
    text = own.get(key, "true").lower()
    if text not in ("true", "false"):
        faults.append(f"{key} must be true or false, but got {text!r}")
    return text != "false"


def _names(text: str, known: Sequence[str], faults: list[str]) -> tuple[str, ...]:
    inner = text.strip().removeprefix("[").removesuffix("]")
    names = [name.strip() for name in inner.split(",") if name.strip()]
    if names == ["all"]:
        return tuple(known)
    faults.extend(
        f"there is no proxy '{name}'; known, nearest first: {nearest_first(name, known)}; or all"
        for name in names
        if name not in known
    )
    return tuple(dict.fromkeys(names))


def checked(source: ConfigSource, settings: ProfileSettings) -> tuple[Composed, SearchConfig]:
    """Return what the search is composed of, and the same, checked.

    Raises:
        ConfigError: with every fault in the overrides.
        RunFolderError: the run is not there.
    """
    if settings.run is not None:
        before = read_source(RunFolder.open(settings.run))
        place = source.config_dir or before.config_dir
        source = replace(before.without(_OF_A_RUN), config_dir=place)
    composed = compose_known(on_top(source, settings.overrides))
    return composed, check_values(composed)
