"""Which options and choices are there? Read from the YAML files alone, without Hydra or torch.

For the help and for the tab key, which must answer at once. The defaults list of the file to
begin with says which groups there are and which choice each has; the keys of a group are those of
its chosen file.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # comes with OmegaConf, without types

_SELF = "_self_"


@dataclass(frozen=True)
class Option:
    """Something that an override may set.

    Attributes:
        key: dotted.
        default: as the files have it; None also stands for null.
    """

    key: str
    default: Any


@dataclass(frozen=True)
class Choices:
    """The YAML files of a configuration.

    Attributes:
        folders: the shipped one first.
        config_name: the file to begin with.
    """

    folders: tuple[Path, ...]
    config_name: str = "search"

    def groups(self) -> dict[str, str | None]:
        """Return each group and its default choice, in the order of the defaults list."""
        found: dict[str, str | None] = {}
        for entry in self._root().get("defaults", []):
            if isinstance(entry, Mapping):
                for group, choice in entry.items():
                    found[str(group).removeprefix("override ").lstrip("/")] = choice
        return found

    def choices(self, group: str) -> list[str]:
        """Return the files of a group, sorted."""
        return sorted({p.stem for folder in self.folders for p in (folder / group).glob("*.yaml")})

    def describe(self, group: str, choice: str) -> str:
        """Return the words of a file's head comment: what it is."""
        path = self._path(group, choice)
        return "" if path is None else head_comment(path.read_text(encoding="utf-8"))

    def options(self, chosen: Mapping[str, str] | None = None) -> list[Option]:
        """Return all keys that an override may set.

        Args:
            chosen: group -> choice, where it is not the default one.
        """
        tree: dict[str, Any] = {}
        for group, default in self.groups().items():
            choice = (chosen or {}).get(group, default)
            path = None if choice is None else self._path(group, choice)
            if path is not None:
                content, is_global = _content(path)
                _merge(tree, content if is_global else _below(group, content))
        _merge(tree, {k: v for k, v in self._root().items() if k != "defaults"})
        export = tree.get("export", {})
        for name, node in dict(export.get("formats", {})).items():
            if "enabled" in node:
                export[name] = node["enabled"]  # export.NAME is short for it
        return list(_options(tree))

    def _root(self) -> dict[str, Any]:
        """Return the file to begin with, with all of `search` where it builds on that."""
        path = self._path("", self.config_name)
        content = {} if path is None else _content(path)[0]
        entries = content.get("defaults", [])
        if "search" in entries and self.config_name != "search":
            below = Choices(self.folders)._root()
            merged = [*below.get("defaults", []), *(e for e in entries if e != "search")]
            _merge(below, {k: v for k, v in content.items() if k != "defaults"})
            return {**below, "defaults": merged}
        return content

    def _path(self, group: str, choice: str) -> Path | None:
        places = (folder / group / f"{choice}.yaml" for folder in self.folders)
        return next((place for place in places if place.is_file()), None)


def head_comment(text: str) -> str:
    """Return the first sentence of a YAML file's head comment, without its path and command line.

    >>> head_comment("# conf/sampler/x.yaml: evolutionary; cheap.   nas search sampler=x")
    'evolutionary; cheap.'
    """
    lines = itertools.takewhile(lambda line: line.startswith("#"), text.splitlines())
    words = [line.lstrip("#").strip().partition("   ")[0] for line in lines]
    told = " ".join(word for word in words if not word.startswith("@package"))
    told = re.sub(r"^\S+\.yaml: ", "", told)
    return re.split(r"(?<=\.) ", told, maxsplit=1)[0].strip()


def _content(path: Path) -> tuple[dict[str, Any], bool]:
    """Return the keys of a file, and whether they stand at the top; none where it is broken."""
    text = path.read_text(encoding="utf-8")
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}, False
    return (content if isinstance(content, dict) else {}), "@package _global_" in text[:200]


def _below(group: str, content: dict[str, Any]) -> dict[str, Any]:
    """Return a group's content where its name says it stands.

    >>> _below("search_space/compression", {"kept": 1})
    {'search_space': {'compression': {'kept': 1}}}
    """
    for part in reversed(group.split("/")):
        content = {part: content}
    return content


def _merge(into: dict[str, Any], content: Mapping[str, Any]) -> None:
    for key, value in content.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value


def _options(tree: Mapping[str, Any], prefix: str = "") -> Iterator[Option]:
    for key, value in tree.items():
        if key == "defaults" or (key.startswith("_") and key != "_target_"):
            continue
        if isinstance(value, Mapping) and value:
            yield from _options(value, f"{prefix}{key}.")
        else:
            yield Option(f"{prefix}{key}", value)


def folders_of(config_dir: Path | None, shipped: Path) -> tuple[Path, ...]:
    """Return the shipped folder, then the user's."""
    return (shipped,) if config_dir is None else (shipped, config_dir)


def spelled(value: Any) -> str:
    """Return a default as one would type it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{','.join(map(spelled, value))}]"
    return "{}" if value == {} else str(value)
