"""What does a run folder remember of its configuration?

`config.yaml` is the composed whole, `overrides.yaml` what it was composed of. Together they take
a run up again, and say whether a changed setting would make its trials incomparable.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # comes with OmegaConf, without types
from omegaconf import DictConfig, OmegaConf
from omegaconf._utils import get_yaml_loader
from omegaconf.errors import OmegaConfBaseException

from nas.config.compose import opened
from nas.config.earlier_names import SETTINGS, with_new_names
from nas.config.foreign import check_environment, check_overrides
from nas.config.groups import groups_of
from nas.config.override_faults import COMPOSING_FAILS
from nas.config.overrides import key_of
from nas.config.schema import Limits, constraints_of
from nas.config.source import ConfigSource
from nas.errors import RunFolderError
from nas.files import write_text
from nas.metric import Direction, on_device
from nas.objective import Constraint, Objective, objective_for
from nas.record.reading import read_text
from nas.record.run_folder import RunFolder
from nas.secrets import masked_override, masked_setting

_OF_ONE_COMMAND = ("resume", "name", "ui")  # not repeated when a run goes on
_BRING_BACK = "bring it back from a copy, or start a new run with another name=..."
_MAX_SHOWN = 160  # characters of what the reader of YAML says


def write_config(folder: RunFolder, *, values: Mapping[str, Any], source: ConfigSource) -> None:
    """Record the composed configuration, and what it was composed of, without passwords."""
    content = {
        "config_dir": None if source.config_dir is None else str(source.config_dir),
        "config_name": source.config_name,
        "overrides": _to_repeat(source, name=str(values["name"])),
    }
    # In this order: a folder with config.yaml holds a run, and a run needs both to be taken up.
    write_text(folder.overrides_yaml, OmegaConf.to_yaml(OmegaConf.create(content)))
    told = masked_setting(dict(values))
    write_text(folder.config_yaml, OmegaConf.to_yaml(OmegaConf.create(told)))


def _to_repeat(source: ConfigSource, *, name: str) -> list[str]:
    """Return the overrides that compose the run again, whatever the time; later ones win."""
    overrides = map(masked_override, source.without(_OF_ONE_COMMAND).overrides)
    return [f"name='{name}'", *dict.fromkeys(overrides)]


def read_source(folder: RunFolder) -> ConfigSource:
    """Return what a run was composed of.

    Raises:
        RunFolderError: the run folder does not say, or says what no run of someone else may.
    """
    if not folder.overrides_yaml.is_file() or not folder.config_yaml.is_file():
        raise RunFolderError(
            f"{folder.path} lacks config.yaml or overrides.yaml, so the run cannot be taken up; "
            "start a new one with another name=..."
        )
    recorded = read_mapping(folder.overrides_yaml)
    place, name = recorded.get("config_dir"), recorded.get("config_name", "search")
    overrides = recorded.get("overrides", [])
    is_list = isinstance(overrides, list) and all(isinstance(word, str) for word in overrides)
    if not is_list or not isinstance(name, str) or not isinstance(place, str | None):
        raise RunFolderError(
            f"{folder.overrides_yaml} does not hold config_dir, config_name and overrides as nas "
            f"search writes them; {_BRING_BACK}"
        )
    source = ConfigSource(
        config_dir=None if place is None else Path(place),
        config_name=name,
        overrides=tuple(overrides),
        record=folder.path,
    )
    check_overrides(
        folder.path,
        config_dir=source.config_dir,
        name=source.config_name,
        told=source.overrides,
    )
    known = folder.config_yaml.read_text(errors="replace")
    check_environment(folder.path, source.overrides, known)
    return _with_new_settings(source)


def _with_new_settings(source: ConfigSource) -> ConfigSource:
    """Return a record with the names that settings have now, but for those of a user's files."""
    if not any(key_of(text) in SETTINGS for text in source.overrides):
        return source
    groups = groups_of(source.folders)
    with opened(source) as composer:
        try:
            files = composer([text for text in source.overrides if key_of(text) in groups])
        except COMPOSING_FAILS:  # told where all faults are
            return source
    told = tuple(_renamed(text, files) for text in source.overrides)
    return replace(source, overrides=told)


def _renamed(text: str, files: DictConfig) -> str:
    old = key_of(text)
    place, _, name = old.rpartition(".")
    node = OmegaConf.select(files, place) if place else files
    if old not in SETTINGS or (OmegaConf.is_dict(node) and name in list(node)):
        return text
    return text.replace(old, SETTINGS[old], 1)


def recorded_objectives(folder: RunFolder) -> tuple[Objective, ...]:
    """Return what a run made better.

    Raises:
        RunFolderError: its config.yaml is missing or does not say.
        ConfigError: it names a metric that is not known.
    """
    if not folder.config_yaml.is_file():
        raise RunFolderError(f"{folder.path} has no config.yaml, so its objectives are not known")
    values = read_mapping(folder.config_yaml)
    node = values.get("objectives")
    metrics = node.get("metrics") if isinstance(node, Mapping) else None
    is_list = isinstance(metrics, list) and all(isinstance(name, str) for name in metrics)
    if not is_list or not metrics:
        raise RunFolderError(
            f"{folder.config_yaml} lacks objectives.metrics, a list of names; {_BRING_BACK}"
        )
    return objectives_of(values)


def recorded_limits(folder: RunFolder, objectives: Sequence[Objective]) -> tuple[Constraint, ...]:
    """Return the limits of a run on what training measures.

    Raises:
        RunFolderError: its config.yaml cannot be read.
    """
    measured = {o.metric for o in objectives if not o.is_static}
    node = read_mapping(folder.config_yaml).get("constraints")
    told = {
        str(name): Limits(min=limits.get("min"), max=limits.get("max"))
        for name, limits in (node.items() if isinstance(node, Mapping) else ())
        if name in measured and isinstance(limits, Mapping)
    }
    return constraints_of(told)


def objectives_of(values: Mapping[str, Any]) -> tuple[Objective, ...]:
    """Return the objectives that composed values name.

    A table's own columns are known before training, and minimised.
    """
    columns = table_metrics(values)
    return tuple(
        Objective(name, Direction.MINIMIZE, is_static=True)
        if name in columns
        else objective_for(name)
        for name in objective_names(values)
    )


def objective_names(values: Mapping[str, Any]) -> list[str]:
    """Return the metrics that composed values make better: as named, and a latency per device."""
    devices = values.get("devices") or []
    latencies = [on_device("latency_ms", str(device)) for device in devices]
    return list(dict.fromkeys([*values["objectives"]["metrics"], *latencies]))


def table_metrics(values: Mapping[str, Any]) -> list[str]:
    """Return the columns of a table that a search may use as metrics known before training."""
    table = values.get("table")
    if not isinstance(table, Mapping):
        return []
    facts = table.get("facts")
    names = [table.get("size"), *(facts if isinstance(facts, list) else [])]
    return [name for name in names if isinstance(name, str)]


def read_mapping(path: Path) -> dict[Any, Any]:
    """Read a YAML file that a search wrote, in the names of this version.

    Raises:
        RunFolderError: it cannot be read, or was not written by a search.
    """
    try:
        text = read_text(path, remedy=_BRING_BACK)
        _refuse_aliases(text, path)
        content = OmegaConf.to_container(OmegaConf.create(yaml.load(text, get_yaml_loader())))
    except (OmegaConfBaseException, yaml.YAMLError, ValueError, RecursionError, TypeError) as e:
        why = " ".join(str(e).split())[:_MAX_SHOWN] or type(e).__name__
        raise RunFolderError(f"{path} cannot be read: {why}; {_BRING_BACK}") from e
    if not isinstance(content, dict):
        raise RunFolderError(
            f"{path} is no mapping, so it was not written by nas search; {_BRING_BACK}"
        )
    return dict(with_new_names(content))


def _refuse_aliases(text: str, path: Path) -> None:
    """Refuse references within a file: nas writes none, and a few of them fill the memory."""
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, get_yaml_loader())):
        raise RunFolderError(
            f"{path} refers to parts of itself (YAML aliases), so it was not written by nas "
            f"search; {_BRING_BACK}"
        )
