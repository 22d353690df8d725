"""What is wrong with composed values, as far as it can be told without building anything?

They are held against the schema, the targets against their signatures, and what depends on several
settings at once is checked here. `nas.assemble.check` builds what is cheap to build and says all
faults in one message.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.config.compose import Composed
from nas.config.devices import device_faults
from nas.config.limits import constraint_faults
from nas.config.nodes import offers_of, parted_space, rule_nodes
from nas.config.recorded import table_metrics
from nas.config.schema import ExecutionKind, SearchConfig, TrialLimits
from nas.config.starting_weights import weight_faults
from nas.config.storage import storage_faults
from nas.config.targets import validate_targets
from nas.config.validator import Validator, show
from nas.errors import ConfigError, RunFolderError, nearest_first
from nas.metric import METRICS, device_of
from nas.record.run_folder import RunFolder
from nas.sampling.shares import shares_fault

_NAME = re.compile(r"[A-Za-z0-9][\w.+=,@ -]*", re.ASCII)
_MAX_NAME_BYTES, _MAX_PATH_BYTES = 200, 3000  # files with longer names stand in a run folder
_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://")
_FILES = ("path", "folder", "root", "file")  # arguments that name what must be there
# Targets that load neither Optuna nor torch nor timm, which take seconds: they come first.
_QUICK = (
    *("nas.data.", "nas.train.recipe.", "nas.train.token_recipe.", "nas.engine."),
    *("search_spaces.mobilenet.", "search_spaces.table."),
)
_SLOW = ("nas.data.signals.",)
_SLOWEST = ("search_space", "evaluation")  # these bring torch
# Which arguments of a target the framework gives, where its signature has them.
INJECTED: dict[str, tuple[str, ...]] = {
    "search_space": (),
    "data": (),
    "training": (),
    "evaluation": ("space", "data", "recipe", "objectives", "devices"),
    "sampler": ("space", "facts", "objectives", "is_allowed", "warm_start", "aim", "num_judged"),
}


@dataclass(frozen=True)
class CheckedValues:
    """What is known of composed values before anything is built.

    Attributes:
        config: the values as dataclasses; None where they do not fit.
        faults: what is wrong with them.
        sound: the nodes that may be built, by place.
    """

    config: SearchConfig | None
    faults: list[str]
    sound: dict[str, Mapping[str, Any]]


def find_faults(composed: Composed) -> CheckedValues:
    """Hold composed values against the schema, and quick targets against their signatures."""
    validator = _validator(composed)
    config: SearchConfig | None = validator.record(
        cls=SearchConfig, value=composed.values, path=""
    )
    validator.faults.extend(_setting_faults(composed.values))
    nodes = _nodes(composed.values).items()
    sound = {
        place: node
        for place, node in nodes
        if is_quick(node) and _is_sound(composed, validator, place=place, node=node)
    }
    return CheckedValues(config, validator.faults, sound)


def late_faults(composed: Composed) -> Iterator[CheckedValues]:
    """Yield what is found in each node whose module takes long to import, the quicker ones first.

    A node is looked at when it is asked for.
    """
    for place, node in _nodes(composed.values).items():
        if is_quick(node):
            continue
        validator = _validator(composed)
        is_sound = _is_sound(composed, validator, place=place, node=node)
        yield CheckedValues(None, validator.faults, {place: node} if is_sound else {})


def _validator(composed: Composed) -> Validator:
    return Validator(
        known_faults=composed.faults, left_out=composed.unresolved, copied=composed.copied
    )


def _nodes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nodes with targets by place, those whose modules take longest at the end."""
    places = ("sampler", *(place for place in INJECTED if place not in ("sampler", *_SLOWEST)))
    rules = rule_nodes(values)
    return (
        {place: values.get(place) for place in places}
        | rules
        | {place: values.get(place) for place in _SLOWEST}
    )


def _is_sound(composed: Composed, validator: Validator, *, place: str, node: Any) -> bool:
    """Validate a node, and say whether it may be built."""
    before = len(validator.faults)
    validate_node(validator, place=place, node=node, injected=INJECTED.get(place, ()))
    if len(validator.faults) > before or not composed.is_whole(place):
        return False
    return isinstance(node, Mapping) and (
        "table" not in node or not _table_faults(composed.values)
    )


def is_quick(node: Any) -> bool:
    """Say whether the modules of all targets of a node are imported in no time."""
    if isinstance(node, list):
        return all(map(is_quick, node))
    if not isinstance(node, Mapping):
        return True
    target = node.get("_target_")
    if isinstance(target, str) and (not target.startswith(_QUICK) or target.startswith(_SLOW)):
        return False
    return all(map(is_quick, node.values()))


def in_one_message(faults: Iterable[str]) -> str:
    """Return one text for all faults, each said once."""
    told = list(dict.fromkeys(faults))
    if len(told) == 1:
        return told[0]
    lines = [f"  {number}. {fault}" for number, fault in enumerate(told, start=1)]
    return f"the configuration has {len(told)} faults\n" + "\n".join(lines)


def validate_node(
    validator: Validator, *, place: str, node: Any, injected: tuple[str, ...]
) -> None:
    """Record the faults of one node: its limits, its targets, the files that it names."""
    if not isinstance(node, Mapping):
        return  # the schema said so
    if place == "training":
        known = TrialLimits.names()
        limits = {key: value for key, value in node.items() if key in known}
        validator.record(cls=TrialLimits, value=limits, path=place)
        node = {key: value for key, value in node.items() if key not in known}
    if place == "search_space":
        node = _validate_wrappers(validator, node)
    if "_target_" not in node:
        validator.faults.append(
            f"{place}._target_ is missing; give the dotted name of what to use"
        )
        return
    validate_targets(validator, node=node, path=place, injected=injected)
    validator.faults.extend(_file_faults(node, place))


def _validate_wrappers(validator: Validator, node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Validate what wraps a space, and return the node of the space itself."""
    inner, wrappers = parted_space(node)
    for key, wrapper in wrappers.items():
        path = f"search_space.{key}"
        validate_targets(validator, node=wrapper, path=path, injected=("space",))
    return inner


def _file_faults(node: Mapping[str, Any], place: str) -> list[str]:
    faults = []
    for key, value in node.items():
        if key not in _FILES or not isinstance(value, str) or Path(value).exists():
            continue
        if _ADDRESS.match(value):
            told = f"{value} is an address, and nothing is fetched; give a path on this machine"
        else:
            told = f"there is no {Path(value).absolute()}; give a path that exists"
        faults.append(f"{place}.{key}: {told}")
    return faults


def _setting_faults(values: Mapping[str, Any]) -> list[str]:
    """Return the faults that take more than one value, or more than its type, to see."""
    return [
        *_name_faults(values),
        *_objective_faults(values),
        *constraint_faults(values),
        *device_faults(values),
        *storage_faults(values),
        *_table_faults(values),
        *_rung_faults(values),
        *_warm_start_faults(values),
        *weight_faults(values),
    ]


def _name_faults(values: Mapping[str, Any]) -> list[str]:
    faults = []
    name = values.get("name")
    if isinstance(name, str) and not _NAME.fullmatch(name):
        faults.append(
            f"name must be letters, digits and any of . _ + = , @ - without slashes, but got "
            f"{show(name)}; use run_folder=... for another place"
        )
    elif isinstance(name, str) and len(name) > _MAX_NAME_BYTES:
        faults.append(
            f"name has {len(name)} characters, and may have {_MAX_NAME_BYTES}; use a shorter one"
        )
    folder = values.get("run_folder")
    if isinstance(folder, str) and not folder.strip():
        faults.append("run_folder is empty; leave it out for runs/NAME, or name a folder")
    if isinstance(folder, str) and isinstance(values.get("resume"), bool) and not faults:
        faults.extend(_folder_faults(Path(folder), is_resumed=values["resume"]))
    return faults


def _folder_faults(path: Path, *, is_resumed: bool) -> list[str]:
    if is_resumed:
        try:
            RunFolder.open(path)
        except RunFolderError as error:
            return [f"resume=true: {error}"]
        return []
    if path.is_dir():
        try:
            RunFolder(path.absolute()).check_free()
        except RunFolderError as error:
            return [str(error)]
    if path.exists() and not path.is_dir():
        return [f"run_folder: {path.absolute()} is a file; choose another name or run_folder"]
    return _place_faults(path.absolute())


def _place_faults(path: Path) -> list[str]:
    """Return why no folder can be made there, as far as that is known without making it."""
    longest = max(path.parts, key=lambda part: len(os.fsencode(part)))
    if len(os.fsencode(longest)) > _MAX_NAME_BYTES or len(os.fsencode(path)) > _MAX_PATH_BYTES:
        what = f"{show(longest)[:40]}..." if len(longest) > _MAX_NAME_BYTES else "the whole path"
        limits = f"a name may have {_MAX_NAME_BYTES} bytes and a path {_MAX_PATH_BYTES}"
        return [f"run_folder: {what} is too long, {limits}; choose a shorter name or run_folder"]
    above = next(parent for parent in (path, *path.parents) if parent.exists())
    if not above.is_dir():
        return [f"run_folder: {above} is a file, so there can be no {path}; choose another"]
    if above.is_relative_to("/proc") or not os.access(above, os.W_OK | os.X_OK):
        advice = "make it writable, or choose another run_folder=..."
        return [f"run_folder: nothing can be written in {above}; {advice}"]
    return []


def _rung_faults(values: Mapping[str, Any]) -> list[str]:
    fidelity = values.get("fidelity")
    shares = fidelity.get("shares") if isinstance(fidelity, Mapping) else None
    if not isinstance(shares, list) or not all(isinstance(s, int | float) for s in shares):
        return []
    fault = shares_fault(shares)
    return [] if fault is None else [fault]


def _warm_start_faults(values: Mapping[str, Any]) -> list[str]:
    folders, sampler = values.get("warm_start"), values.get("sampler")
    if not isinstance(folders, list) or not folders or not isinstance(sampler, Mapping):
        return []
    faults = []
    try:
        is_used = bool(offers_of(sampler, ("warm_start",)))
    except (ConfigError, KeyError):  # told where the sampler is checked
        is_used = True
    if not is_used:
        faults.append("warm_start is for a sampler that learns from other searches: frontier")
    for folder in folders:
        try:
            RunFolder.open(Path(str(folder)))
        except RunFolderError as error:
            faults.append(f"warm_start: {error}")
    return faults


def _objective_faults(values: Mapping[str, Any]) -> list[str]:
    node = values.get("objectives")
    metrics = node.get("metrics") if isinstance(node, Mapping) else None
    if not isinstance(metrics, list) or not all(isinstance(name, str) for name in metrics):
        return []  # the schema said so
    own = table_metrics(values)
    known = [*METRICS, *own]
    hint = "; a further column of the table must stand in table.facts" if own else ""
    faults = [
        f"objectives.metrics: there is no metric '{name}'; known, nearest first: "
        f"{nearest_first(name, known)}{hint}"
        for name in metrics
        if name not in known and device_of(name) is None
    ]
    if not metrics:
        faults.append(
            "objectives.metrics is empty; give one or more: objectives=[accuracy,size_bytes]"
        )
    if len(set(metrics)) != len(metrics):
        faults.append(f"objectives.metrics names a metric twice: {metrics}")
    return faults


def _table_faults(values: Mapping[str, Any]) -> list[str]:
    node, execution = values.get("table"), values.get("execution")
    kind = execution.get("kind") if isinstance(execution, Mapping) else None
    if kind == ExecutionKind.SIMULATED and node is None:
        return ["execution=simulated runs on the times of a table; give preset=table with it"]
    if not isinstance(node, Mapping):
        return []
    faults = _file_faults({"path": node.get("path")}, "table")
    if values.get("finish") is True:
        faults.append(
            "finish=true retrains networks, and a search of a table has none: leave it out"
        )
    return faults
