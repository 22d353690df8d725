"""What may the record of a run have a command do? A run folder may come from someone else.

What it names is held against this before anything of it is imported, opened or connected to,
unless the command line says `trust=true`:

- code is called where it is what its place is for (`nas.config.contracts`), and comes from an
  installed package or from the user's own folder, not from the run folder (`nas.config.origin`);
- settings are values: config.yaml holds no interpolations, overrides none of Hydra's own;
- a variable of the environment is read where the record knows its value already;
- a database or a cluster is one of this machine.

What the command line itself says is the user's own word, and not checked here.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nas.config.contracts import WORDS, is_of_kind
from nas.config.hosts import leads_to
from nas.config.nodes import WRAPPERS, rule_nodes
from nas.config.origin import (
    Origin,
    find_name,
    is_function_for_nas,
    seems_made_for_search,
)
from nas.config.targets import locate
from nas.config.trust import WHAT_IT_MEANS, is_trusted
from nas.config.validator import join
from nas.errors import ConfigError, RunFolderError

_PLACES = ("search_space", "data", "training", "evaluation", "sampler")
_ENVIRONMENT = re.compile(r"\$\{\s*oc\.env\s*:\s*([^,}\s]*)")
_OF_HYDRA = re.compile(r"^[+~]*hydra\b")


def check_overrides(folder: Path, *, config_dir: Path | None, name: str, told: Any) -> None:
    """Refuse what Hydra itself would do for a record; before it composes.

    Args:
        folder: the run folder.
        config_dir: the recorded folder of YAML files.
        name: the recorded file to begin with.
        told: the recorded overrides.

    Raises:
        RunFolderError: with the first fault, and what to do.
    """
    if is_trusted():
        return
    where = f"{folder}/overrides.yaml"
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise RunFolderError(f"{where}: config_name {name!r} leads out of its folder; {_REMEDY}")
    for text in told:
        if _OF_HYDRA.match(str(text)):
            raise RunFolderError(
                f"{where}: '{text}' would have Hydra itself look for code or files; {_REMEDY}"
            )
    if config_dir is None:
        return
    if config_dir.resolve().is_relative_to(folder.resolve()):
        raise RunFolderError(
            f"{where}: config_dir {config_dir} lies in the run folder itself; {_REMEDY}"
        )
    first = config_dir / f"{name}.yaml"
    if first.is_file() and re.search(rb"""^["']?hydra["']?\s*:""", first.read_bytes(), re.M):
        raise RunFolderError(f"{first} sets up Hydra itself for the run in {folder}; {_REMEDY}")


def check_environment(folder: Path, told: Sequence[str], known: str) -> None:
    """Refuse overrides that would bring a variable of the environment into files of a run.

    Args:
        folder: the run folder.
        told: its recorded overrides.
        known: text of its config.yaml, which holds what the run's own variables were.

    Raises:
        RunFolderError: with the variable.
    """
    if is_trusted():
        return
    for text in told:
        if text.lstrip("+").startswith("storage.url="):  # goes to that database alone
            continue
        asks = _ENVIRONMENT.findall(text)
        if "oc.env" in text and not asks:
            asks = ["?"]
        for variable in asks:
            value = os.environ.get(variable)
            if not variable.isidentifier() or (value and value not in known):
                raise RunFolderError(
                    f"{folder}/overrides.yaml: '{text}' reads the variable {variable} of your "
                    f"environment, whose value the run does not know yet; {_REMEDY}"
                )


def check_plain(folder: Path, values: Any, *, path: str = "") -> None:
    """Refuse a config.yaml that is not plain values, as a search writes it.

    Raises:
        RunFolderError: a value is still to be resolved.
    """
    if isinstance(values, Mapping):
        for key, value in values.items():
            check_plain(folder, value, path=join(path, str(key)))
    elif isinstance(values, list):
        for index, value in enumerate(values):
            check_plain(folder, value, path=f"{path}[{index}]")
    elif isinstance(values, str) and "${" in values and not is_trusted():
        raise RunFolderError(
            f"{folder}/config.yaml: {path} is {values!r}, but a search writes plain values there, "
            "none that are still to be resolved; the file was changed"
        )


def check_record(folder: Path, values: Mapping[str, Any], *, told: Sequence[str] = ()) -> None:
    """Refuse settings of a record that would run code or reach out as no record may.

    Args:
        folder: the run folder.
        values: composed plain values.
        told: overrides of this command line.

    Raises:
        ConfigError: with every such setting.
    """
    if is_trusted():
        return
    faults = []
    said = {text.partition("=")[2].strip("'\"") for text in told}
    for where, place, name in _names(values, folder):
        if name not in said:
            fault = _fault_of(name, place, folder)
            faults += [] if fault is None else [f"  {where}={name}: {fault}"]
    for key, what in leads_to(values).items():
        if not any(text.lstrip("+").startswith(f"{key}=") for text in told):
            faults.append(f"  {key}: the record names {what}; say {key}=... yourself")
    if faults:
        raise ConfigError(
            f"the run folder {folder} names what no command uses of someone else's run:\n"
            + "\n".join(dict.fromkeys(faults))
            + f"\nIf the run is your own, add trust=true. {WHAT_IT_MEANS}"
        )


_REMEDY = f"remove it, or add trust=true if the run is your own. {WHAT_IT_MEANS}"


def _names(values: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield each name of code: where it stands, the place it is for, and the name."""
    for place in _PLACES:
        node = values.get(place)
        if not isinstance(node, Mapping):
            continue
        parts: list[tuple[str, Any]] = [(place, node)]
        if place == "search_space":
            inner = {key: value for key, value in node.items() if key not in WRAPPERS}
            wrappers = [(f"search_space.{key}", node.get(key)) for key in WRAPPERS]
            parts = [(place, inner), *wrappers]
            yield from _named_code(inner, folder)
        for path, part in parts:
            yield from _targets(part, path=path, place=place)
    for path, rule in rule_nodes(values).items():
        yield from _targets(rule, path=path, place="stopping")
    for place, node in values.items():
        if place not in (*_PLACES, "stopping"):
            yield from _targets(node, path=str(place), place="")


def _targets(node: Any, *, path: str, place: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield f"{path}._target_", place, str(node["_target_"])
            place = f"within {place}"
        for key, value in node.items():
            yield from _targets(value, path=join(path, str(key)), place=place)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _targets(value, path=f"{path}[{index}]", place=place)


def _named_code(node: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield those arguments of a space that name code: `build` of a function, `model`."""
    target = node.get("_target_")
    if not isinstance(target, str) or _fault_of(target, "search_space", folder):
        return  # not to be imported
    try:
        space = locate(target)
    except ConfigError:
        return
    for key, place in getattr(space, "names_code", {}).items():
        value = node.get(key)
        if isinstance(value, str) and not (place == "model" and _is_no_function(value)):
            yield f"search_space.{key}", place, value


def _is_no_function(model: str) -> bool:
    """Say whether a model comes from timm or from a file."""
    import timm

    from nas.models.loading import is_file

    return "." not in model or is_file(model) or timm.is_model(model)


def _fault_of(name: str, place: str, folder: Path) -> str | None:
    """Say why a record may not have that called; None where it may, or where nothing is there."""
    named = find_name(name, run_folder=folder)
    if named.origin is Origin.FOREIGN:
        return f"its code lies in the run folder ({named.file or folder})"
    if named.origin is Origin.PYTHON or "__main__" in name.split("."):
        return f"this setting takes something else: {_allowed(place)}"
    if named.origin is Origin.NOWHERE:
        return None if _is_dotted(name) else "it is no dotted name"
    # A loader of the user's own need not say what it returns.
    is_own_loader = named.origin is Origin.OWN and place == "data" and is_function_for_nas(named)
    is_own_part = is_own_loader or seems_made_for_search(named)
    if named.origin is Origin.OWN and not is_own_part:
        return f"this setting takes something else: {_allowed(place)}"
    try:
        found = locate(name)
    except ConfigError:
        return None  # told where targets are checked
    if not is_own_loader and not is_of_kind(found, place):
        return f"this setting takes something else: {_allowed(place)}"
    return None


def _is_dotted(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def _allowed(place: str) -> str:
    return WORDS.get(place, "a search space, a sampler, or a part of one")
