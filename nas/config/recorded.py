"""What does a run folder remember of its configuration?

`config.yaml` is the composed whole, `overrides.yaml` what it was composed of. Together they take
a run up again, and say whether a changed setting would make its trials incomparable.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # comes with OmegaConf, without types
from omegaconf import OmegaConf

from nas.config.compose import Source
from nas.config.defaults import completed
from nas.config.extension import space_faults, without_extensions
from nas.config.schema import TrialLimits
from nas.errors import RunFolderError
from nas.files import write_text
from nas.objective import Direction, Objective, objective_for
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
_OF_ONE_COMMAND = ("resume", "name", "ui")  # not repeated when a run goes on
_MAY_CHANGE = frozenset(
    {
        "data.memory_limit_mb",  # where images lie changes no number
        "data.streaming",
        "evaluation.checkpoint_every_s",
        "evaluation.gpu_share",
        "evaluation.num_threads",
        *(f"training.{name}" for name in TrialLimits.names()),
    }
)


def write_config(folder: RunFolder, *, values: Mapping[str, Any], source: Source) -> None:
    """Record the composed configuration, and what it was composed of."""
    content = {
        "config_dir": None if source.config_dir is None else str(source.config_dir),
        "config_name": source.config_name,
        "overrides": _to_repeat(source, name=str(values["name"])),
    }
    # In this order: a folder with config.yaml holds a run, and a run needs both to be taken up.
    write_text(folder.overrides_yaml, OmegaConf.to_yaml(OmegaConf.create(content)))
    write_text(folder.config_yaml, OmegaConf.to_yaml(OmegaConf.create(dict(values))))


def _to_repeat(source: Source, *, name: str) -> list[str]:
    """Return the overrides that compose the run again, whatever the time; later ones win."""
    return [f"name='{name}'", *dict.fromkeys(source.without(_OF_ONE_COMMAND).overrides)]


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
    recorded = read_mapping(folder.overrides_yaml)
    place = recorded.get("config_dir")
    return Source(
        config_dir=None if place is None else Path(place),
        config_name=recorded.get("config_name", "search"),
        overrides=tuple(recorded.get("overrides", ())),
    )


def recorded_objectives(folder: RunFolder) -> tuple[Objective, ...]:
    """Return what a run made better.

    Raises:
        RunFolderError: its config.yaml is missing or does not say.
        ConfigError: it names a metric that is not known.
    """
    if not folder.config_yaml.is_file():
        raise RunFolderError(f"{folder.path} has no config.yaml, so its objectives are not known")
    return objectives_of(read_mapping(folder.config_yaml))


def objectives_of(values: Mapping[str, Any]) -> tuple[Objective, ...]:
    """Return the objectives that composed values name.

    A table's own columns are known before training, and minimised.
    """
    columns = table_metrics(values)
    return tuple(
        Objective(name, Direction.MINIMIZE, is_static=True)
        if name in columns
        else objective_for(name)
        for name in values["objectives"]["metrics"]
    )


def table_metrics(values: Mapping[str, Any]) -> list[str]:
    """Return the columns of a table that a search may use as metrics known before training."""
    table = values.get("table")
    if not isinstance(table, Mapping):
        return []
    facts = table.get("facts")
    names = [table.get("size"), *(facts if isinstance(facts, list) else [])]
    return [name for name in names if isinstance(name, str)]


def changed_settings(before: Mapping[Any, Any], now: Mapping[Any, Any]) -> list[str]:
    """Return one line for each setting that must not change and did.

    A search space that only grew and limits that only became wider are no changes, nor is a
    setting that came with a later version and is at its default.
    """
    before, now = completed(before), completed(now)
    comparable = without_extensions(before, now)
    old, new = (dict(_leaves(_fixed(values))) for values in (comparable, now))
    changes = [
        f"{name} was {old.get(name, 'absent')} and is now {new.get(name, 'absent')}"
        for name in dict.fromkeys([*old, *new])
        if name not in _MAY_CHANGE and old.get(name) != new.get(name)
    ]
    spaces = comparable.get("search_space"), now.get("search_space")
    faults = [] if spaces[0] == spaces[1] else space_faults(*spaces) or []
    return changes + [f"  as {fault}" for fault in faults]


def _fixed(values: Mapping[Any, Any]) -> dict[str, Any]:
    return {key: values[key] for key in FIXED if values.get(key) is not None}


def _leaves(node: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def read_mapping(path: Path) -> dict[Any, Any]:
    """Read a YAML file that a search wrote.

    Raises:
        RunFolderError: it cannot be read, or was not written by a search.
    """
    try:
        content = OmegaConf.to_container(OmegaConf.load(path))
    except (OSError, yaml.YAMLError) as error:
        raise RunFolderError(f"{path} cannot be read: {error}; start a new run") from error
    if not isinstance(content, dict):
        raise RunFolderError(f"{path} is no mapping, so it was not written by nas search")
    return content
