"""Which searches does one command line ask for?

One, in most cases. With `--multirun` one for each combination of the swept values (`seed=0,1,2`),
each with a name of its own. With `resume=true` the one that a run folder remembers: its overrides
come before those of the command line, and a change that would make its trials incomparable is
refused by name.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # comes with OmegaConf, without types
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf

from nas.config.check import check_values, in_one_message
from nas.config.compose import Composed, Source, compose_values, for_hydra
from nas.config.schema import SearchConfig, TrialLimits
from nas.errors import ConfigError, RunFolderError
from nas.files import write_text
from nas.record.run_folder import RunFolder

# Trials under other values of these cannot stand in one study; the rest may change on the way.
FIXED = (
    "seed",
    "search_space",
    "data",
    "training",
    "evaluation",
    "objectives",
    "constraints",
    "fidelity",
    "table",
)
_MAY_CHANGE = frozenset(
    {"evaluation.gpu_share", *(f"training.{name}" for name in TrialLimits.names())}
)


@dataclass(frozen=True)
class Job:
    """One search that is ready to be built.

    Attributes:
        source: files and overrides it was composed of, recorded ones first.
        values: the composed plain values.
        config: the same, checked.
    """

    source: Source
    values: Mapping[str, Any]
    config: SearchConfig


def plan_jobs(source: Source, *, is_multirun: bool = False) -> list[Job]:
    """Return the searches that a command line asks for, all of them checked.

    Raises:
        ConfigError: with every fault; in a multirun, those of all its searches.
        RunFolderError: the run to go on with is not there, or has other settings.
    """
    if not is_multirun:
        return [_plan_job(source)]
    jobs, faults = [], []
    for overrides, label in expand(source.overrides):
        try:
            jobs.append(_plan_job(_named(replace(source, overrides=overrides), label)))
        except ConfigError as error:
            faults.append(f"{label or 'the run'}: {error}")
    _check_distinct(jobs, faults)
    if faults:
        raise ConfigError(in_one_message(faults))
    return jobs


def expand(overrides: Sequence[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each combination of swept values: its overrides, and words that tell it apart.

    >>> list(expand(["seed=0,1", "ui=none"]))
    [(('seed=0', 'ui=none'), 'seed-0'), (('seed=1', 'ui=none'), 'seed-1')]

    Raises:
        ConfigError: a sweep has no end, as of an interval.
    """
    options: list[list[tuple[str, str]]] = []
    for text in overrides:
        try:
            override = OverridesParser.create().parse_override(for_hydra(text))
        except HydraException:
            options.append([(text, "")])  # composing says what is wrong with it
            continue
        if not override.is_sweep_override():
            options.append([(text, "")])
            continue
        if not override.is_discrete_sweep():
            raise ConfigError(f"'{text}' has no end; list the values: key=1,2,3 or range(1,4)")
        key = override.get_key_element()
        values = override.sweep_string_iterator()
        options.append([(f"{key}={value}", _label(key, str(value))) for value in values])
    for combination in itertools.product(*options):
        label = "-".join(word for _, word in combination if word)
        yield tuple(text for text, _ in combination), label


def _read_mapping(path: Path) -> dict[Any, Any]:
    try:
        content = OmegaConf.to_container(OmegaConf.load(path))
    except (OSError, yaml.YAMLError) as error:
        raise RunFolderError(f"{path} cannot be read: {error}; start a new run") from error
    if not isinstance(content, dict):
        raise RunFolderError(f"{path} is no mapping, so it was not written by nas search")
    return content


def _label(key: str, value: str) -> str:
    return re.sub(r"[^\w.-]+", "_", f"{key.rpartition('.')[2]}-{value}")


def _named(source: Source, label: str) -> Source:
    """Return the source with a name of its own, unless the sweep gives one."""
    values = compose_values(source).values
    name, folder = values.get("name"), values.get("run_folder")
    if not label or not isinstance(name, str) or not isinstance(folder, str):
        return source
    named = replace(source, overrides=(*source.overrides, f"name='{name}-{label}'"))
    if compose_values(named).values.get("run_folder") == folder:  # given as it is, without ${name}
        own = f"run_folder='{folder}-{label}'"
        named = replace(named, overrides=(*named.overrides, own))
    return named


def _check_distinct(jobs: Sequence[Job], faults: list[str]) -> None:
    folders = [job.config.run_folder for job in jobs]
    faults.extend(
        f"run_folder={folder} would be used by several runs; let it hold ${{name}}"
        for folder in dict.fromkeys(f for f in folders if folders.count(f) > 1)
    )


def _plan_job(source: Source) -> Job:
    composed = compose_values(source)
    if composed.values.get("resume") is True and not composed.faults:
        source, composed = _resumed(source, composed)
    return Job(source, composed.values, check_values(composed))


def _resumed(source: Source, asked: Composed) -> tuple[Source, Composed]:
    """Return what the run folder remembers, with the overrides of the command line on top."""
    folder = RunFolder.open(Path(asked.values["run_folder"]))
    before = read_source(folder)
    source = Source(
        config_dir=source.config_dir or before.config_dir,
        config_name=before.config_name,
        overrides=(*before.overrides, *source.overrides),
    )
    composed = compose_values(source)
    changes = changed_settings(_read_mapping(folder.config_yaml), composed.values)
    if changes:
        listed = "\n".join(f"  {change}" for change in changes)
        raise RunFolderError(
            f"run '{folder.name}' cannot go on with other settings, its trials would not be "
            f"comparable:\n{listed}\nleave them out, or start a new run with another name=..."
        )
    return source, composed


def changed_settings(before: Mapping[Any, Any], now: Mapping[Any, Any]) -> list[str]:
    """Return one line for each setting that must not change and did."""
    old, new = (dict(_leaves({key: values.get(key) for key in FIXED})) for values in (before, now))
    return [
        f"{name} was {old.get(name, 'absent')} and is now {new.get(name, 'absent')}"
        for name in dict.fromkeys([*old, *new])
        if name not in _MAY_CHANGE and old.get(name) != new.get(name)
    ]


def _leaves(node: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def write_job(folder: RunFolder, job: Job) -> None:
    """Record the composed configuration, and what it was composed of."""
    write_text(folder.config_yaml, OmegaConf.to_yaml(OmegaConf.create(dict(job.values))))
    source = {
        "config_dir": None if job.source.config_dir is None else str(job.source.config_dir),
        "config_name": job.source.config_name,
        "overrides": _without_resume(job.source.overrides, name=job.config.name),
    }
    write_text(folder.overrides_yaml, OmegaConf.to_yaml(OmegaConf.create(source)))


def _without_resume(overrides: Sequence[str], *, name: str) -> list[str]:
    kept = [text for text in overrides if text.partition("=")[0] not in ("resume", "name")]
    return [f"name='{name}'", *kept]


def read_source(folder: RunFolder) -> Source:
    """Return what a run was composed of.

    Raises:
        RunFolderError: the run folder does not say.
    """
    if not folder.overrides_yaml.is_file() or not folder.config_yaml.is_file():
        raise RunFolderError(
            f"{folder.path} lacks config.yaml or overrides.yaml, so the run cannot be taken up; "
            "start a new one with another name=..."
        )
    recorded = _read_mapping(folder.overrides_yaml)
    place = recorded.get("config_dir")
    return Source(
        config_dir=None if place is None else Path(place),
        config_name=recorded.get("config_name", "search"),
        overrides=tuple(recorded.get("overrides", ())),
    )
