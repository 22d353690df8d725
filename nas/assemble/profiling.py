"""From a command line to a `nas profile`: a search's overrides, and a few settings of its own.

With `run=runs/N` the settings are those that the run was composed of, overrides on top.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nas.assemble.budget import time_budget
from nas.assemble.check import check_values
from nas.assemble.jobs import compose_known
from nas.assemble.search import AssembledSearch
from nas.assemble.settle import settle
from nas.assemble.workers import num_cpus, num_workers
from nas.config.check import in_one_message
from nas.config.compose import on_top
from nas.config.recorded import read_source
from nas.config.schema import SearchConfig
from nas.config.source import ConfigSource
from nas.errors import ConfigError, nearest_first
from nas.profile.trial_time import PlannedSearch
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
        decided: what was decided of settings that are `auto`, for people.
    """

    config: SearchConfig
    search: AssembledSearch
    plan: PlannedSearch
    is_table: bool
    decided: tuple[str, ...] = ()


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
    composed = compose_known(on_top(source, settings.overrides))
    asked = check_values(composed)
    settled = settle(composed.values, asked, budget=time_budget(asked))
    config = settled.config
    return ProfilePlan(
        config=config,
        search=settled.search,
        plan=PlannedSearch(
            num_trials=config.stopping.num_trials,
            time_limit_s=config.stopping.time_limit_s,
            num_workers=num_workers(config.execution, num_cpus=num_cpus()),
            trial_time_limit_s=settled.search.task.trial_time_limit_s,
        ),
        is_table=config.table is not None,
        decided=settled.lines,
    )
