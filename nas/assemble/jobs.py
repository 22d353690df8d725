"""Which searches does one command line ask for?

One, in most cases. With `--multirun` one for each combination of the swept values (`seed=0,1,2`),
each with a name of its own. With `resume=true` the one that a run folder remembers: its overrides
come before those of the command line, and a change that would make its trials incomparable is
refused by name.
"""

import itertools
import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Glob

from nas.assemble.changed_settings import changed_settings
from nas.assemble.check import check_values
from nas.config.check import in_one_message
from nas.config.compose import Composed, compose_values, on_top
from nas.config.defaults import completed
from nas.config.foreign import check_plain, check_record
from nas.config.open_settings import with_recorded
from nas.config.overrides import MAX_COMBINATIONS, parse, shown
from nas.config.recorded import read_mapping, read_source
from nas.config.schema import SearchConfig
from nas.config.source import ConfigSource
from nas.errors import ConfigError, RunFolderError
from nas.record.run_folder import RunFolder
from nas.secrets import masked_override, remember_secrets_in


@dataclass(frozen=True)
class SearchJob:
    """One search that is ready to be built.

    Attributes:
        source: files and overrides it was composed of, recorded ones first.
        values: the composed plain values.
        config: the same, checked.
        notes: what to say of it before it begins.
        started_s: `time.monotonic()` when the command began; of a later search of the same
            command, when that began.
    """

    source: ConfigSource
    values: Mapping[str, Any]
    config: SearchConfig
    notes: tuple[str, ...] = ()
    started_s: float = field(default_factory=time.monotonic)


def plan_jobs(
    source: ConfigSource, *, is_multirun: bool = False, began_s: float | None = None
) -> list[SearchJob]:
    """Return the searches that a command line asks for, all of them checked.

    Args:
        source: files and overrides.
        is_multirun: each combination of swept values is a search.
        began_s: `time.monotonic()` when the command began; now by default.

    Raises:
        ConfigError: with every fault; in a multirun, those of all its searches.
        RunFolderError: the run to go on with is not there, or has other settings.
    """
    began_s = time.monotonic() if began_s is None else began_s
    if not is_multirun:
        return [replace(_plan_job(source), started_s=began_s)]
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
            override = parse(text)
        except ConfigError:
            options.append([(text, "")])  # composing says what is wrong with it
            continue
        if not override.is_sweep_override():
            options.append([(text, "")])
            continue
        if isinstance(override.value(), Glob):
            raise ConfigError(
                f"'{shown(text)}' stands for names that are not looked up here; "
                "list them: sampler=random,nsga2"
            )
        if not override.is_discrete_sweep():
            raise ConfigError(f"'{text}' has no end; list the values: key=1,2,3 or range(1,4)")
        key = override.get_key_element()
        # One more than is allowed is enough to know that there are too many.
        values = itertools.islice(override.sweep_string_iterator(), MAX_COMBINATIONS + 1)
        options.append([(f"{key}={value}", _label(key, str(value))) for value in values])
        if math.prod(map(len, options)) > MAX_COMBINATIONS:
            raise ConfigError(
                f"'{shown(text)}' makes more than {MAX_COMBINATIONS:,} combinations, and so many "
                "searches at most are run by one command; sweep fewer values"
            )
    for combination in itertools.product(*options):
        label = "-".join(word for _, word in combination if word)
        yield tuple(text for text, _ in combination), label


def _label(key: str, value: str) -> str:
    told = masked_override(f"{key}={value}").partition("=")[2]
    return re.sub(r"[^\w.-]+", "_", f"{key.rpartition('.')[2]}-{told}")


def _named(source: ConfigSource, label: str) -> ConfigSource:
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


def _check_distinct(jobs: Sequence[SearchJob], faults: list[str]) -> None:
    folders = [job.config.run_folder for job in jobs]
    faults.extend(
        f"run_folder={folder} would be used by several runs; let it hold ${{name}}"
        for folder in dict.fromkeys(f for f in folders if folders.count(f) > 1)
    )


def _plan_job(source: ConfigSource) -> SearchJob:
    composed = compose_known(source)
    remember_secrets_in(composed.values)
    if composed.values.get("resume") is True:
        source, composed = _resumed_if_there(source, composed)
        remember_secrets_in(composed.values)
    return SearchJob(source, composed.values, check_values(composed), composed.notes)


def compose_known(source: ConfigSource) -> Composed:
    """Compose; what was decided for a run that goes on or is repeated, is not decided again."""
    composed = compose_values(source)
    if source.record is None:
        return composed
    recorded = completed(read_mapping(RunFolder(source.record).config_yaml))
    return replace(composed, values=with_recorded(composed.values, recorded, told=source.told))


def _resumed_if_there(source: ConfigSource, asked: Composed) -> tuple[ConfigSource, Composed]:
    """Return what the run to go on with makes of a command line.

    An override such as data.path=... may fit the settings of the run alone, so faults are checked
    with these; where the run is not there, by themselves.
    """
    if asked.faults:
        if not {"name", "run_folder"} <= asked.values.keys():
            return source, asked
        try:
            _open_run(asked.values)
        except RunFolderError:
            return source, asked
    return _resumed(source, asked)


def _resumed(source: ConfigSource, asked: Composed) -> tuple[ConfigSource, Composed]:
    """Return what the run folder remembers, with the overrides of the command line on top."""
    folder = _open_run(asked.values)
    before = read_source(folder)
    before = replace(before, config_dir=source.config_dir or before.config_dir)
    source = _in_place(on_top(before, source.overrides), folder)
    composed = compose_known(source)
    recorded = read_mapping(folder.config_yaml)
    check_plain(folder.path, recorded)
    check_record(folder.path, recorded, told=source.told)
    refuse_changed(folder, composed.values)
    return source, composed


def refuse_changed(folder: RunFolder, values: Mapping[str, Any]) -> None:
    """Refuse settings under which trials would not be comparable with those of a run.

    Raises:
        RunFolderError: there are some; all are listed.
    """
    changes = changed_settings(read_mapping(folder.config_yaml), values)
    if changes:
        listed = "\n".join(f"  {change}" for change in changes)
        raise RunFolderError(
            f"run '{folder.name}' cannot go on with other settings, its trials would not be "
            f"comparable:\n{listed}\nleave them out, or start a new run with another name=..."
        )


def _in_place(source: ConfigSource, folder: RunFolder) -> ConfigSource:
    """Return the source with the folder that was opened, where the record names another one."""
    told = compose_values(source).values.get("run_folder")
    if isinstance(told, str) and Path(told).resolve() == folder.path.resolve():
        return source
    return replace(source, overrides=(*source.overrides, f"run_folder='{folder.path}'"))


def _open_run(asked: Mapping[str, Any]) -> RunFolder:
    """Open the run folder; where it is absent, bring its settings from the database."""
    place, storage = Path(asked["run_folder"]), asked.get("storage")
    url = storage.get("url") if isinstance(storage, Mapping) else None
    if isinstance(url, str) and not RunFolder(place).holds_run():
        from nas.study.record import restore_files  # brings Optuna, which few commands need

        restore_files(url, place.absolute().name, place)
    return RunFolder.open(place)
