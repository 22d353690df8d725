"""From a command line to a `nas profile`: a search's overrides, and a few settings of its own.

With `run=runs/N` the settings are those that the run was composed of, overrides on top.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nas.assemble.check import check_values
from nas.assemble.search import AssembledSearch, build_search, gpus_per_trial
from nas.config.check import in_one_message
from nas.config.compose import compose_values, on_top
from nas.config.recorded import read_source
from nas.config.schema import Execution, ExecutionKind, SearchConfig
from nas.config.source import ConfigSource
from nas.errors import ConfigError, nearest_first
from nas.profile.trial_time import PlannedSearch
from nas.record.environment import find_devices
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


@dataclass(frozen=True)
class ProfilePlan:
    """A checked look, ready to be taken.

    Attributes:
        config: of the search that is looked at.
        search: its parts; no worker was started.
        plan: how long it is to take.
        is_table: results are looked up, nothing is trained.
    """

    config: SearchConfig
    search: AssembledSearch
    plan: PlannedSearch
    is_table: bool


def read_settings(words: Sequence[str], *, known_proxies: Sequence[str]) -> ProfileSettings:
    """Tell the settings of the look from the overrides of the search.

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
        proxies=_names(own.get("proxies", ""), known_proxies, faults),
        save=Path(own["save"]) if own.get("save") else None,
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


def plan_profile(source: ConfigSource, settings: ProfileSettings) -> ProfilePlan:
    """Compose, check and build everything but the workers.

    Raises:
        ConfigError: with every fault in the overrides.
        NasError: a part refuses its settings, or the run is not there.
    """
    if settings.run is not None:
        before = read_source(RunFolder.open(settings.run))
        place = source.config_dir or before.config_dir
        source = replace(before.without(_OF_A_RUN), config_dir=place)
    config = check_values(compose_values(on_top(source, settings.overrides)))
    search = build_search(config)
    return ProfilePlan(
        config=config,
        search=search,
        plan=PlannedSearch(
            num_trials=config.stopping.num_trials,
            time_limit_s=config.stopping.time_limit_s,
            num_workers=num_workers(config.execution, num_cpus=_num_cpus()),
            trial_time_limit_s=search.task.trial_time_limit_s,
        ),
        is_table=config.table is not None,
    )


def _num_cpus() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def num_workers(execution: Execution, *, num_cpus: int) -> int:
    """Return how many trials run at once: as asked, and on this machine as many as fit."""
    if execution.kind is not ExecutionKind.RAY:
        return execution.num_workers or 1
    if execution.address is not None and execution.num_workers is not None:
        return execution.num_workers
    fits = int(num_cpus / execution.cpus_per_trial)
    gpus = gpus_per_trial(execution)
    if gpus > 0:
        fits = min(fits, int(len(find_devices()) / gpus))
    return max(1, min(fits, execution.num_workers or fits))
