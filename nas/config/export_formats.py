"""Which file formats does a `nas finish` make? What `export:` says, and the short forms of it.

`conf/finish.yaml` lists the formats, each by its `_target_`. A format that has `enabled` can be
turned on and off in a short form: `export.int8=false` is `export.formats.int8.enabled=false`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any

import yaml  # type: ignore[import-untyped]  # comes with OmegaConf, without types

from nas.config.schema import Setting
from nas.config.validator import show
from nas.errors import nearest_first
from nas.paths import conf_dir

TARGET, ENABLED, ONLY_WITH = "_target_", "enabled", "only_with"
_PREFIX = "export."


@dataclass(frozen=True, kw_only=True)
class ExportConfig:
    """Which files to make."""

    files: Annotated[bool, Setting("false: confirm the winners, but make no files")]
    calibration_images: Annotated[int, Setting("training images, for int8", minimum=1)]
    threads: Annotated[int, Setting("CPU threads that times are taken with", minimum=1)]
    peak_memory: Annotated[bool, Setting("measured in a fresh process for each file")]
    formats: Annotated[dict[str, dict[str, Any]], Setting("name -> the _target_ that makes it")]

    def wanted(self) -> dict[str, dict[str, Any]]:
        """Return the formats that are made, each with its `_target_` and its own settings."""
        return {
            name: {key: value for key, value in node.items() if key not in (ENABLED, ONLY_WITH)}
            for name, node in self.formats.items()
            if self._is_wanted(name)
        }

    def _is_wanted(self, name: str) -> bool:
        node = self.formats[name]
        other = node.get(ONLY_WITH)
        return bool(node.get(ENABLED, True)) and (other is None or self._is_wanted(str(other)))


def in_full(overrides: Sequence[str]) -> tuple[str, ...]:
    """Return overrides with the short forms of formats written in full.

    >>> in_full(["export.int8=false", "export.threads=2"])
    ('export.formats.int8.enabled=false', 'export.threads=2')
    """
    if not any(_key(text).startswith(_PREFIX) for text in overrides):
        return tuple(overrides)
    names = {*_switches(), *_named_in(overrides)} - {item.name for item in fields(ExportConfig)}
    return tuple(_in_full(text, names) for text in overrides)


def format_faults(config: ExportConfig) -> list[str]:
    """Return what is wrong with the formats, as far as that is known without importing them."""
    faults = []
    for name, node in config.formats.items():
        path = f"{_PREFIX}formats.{name}"
        if not isinstance(node.get(TARGET), str):
            faults.append(
                f"{path}.{TARGET} must name the class that makes the file, such as "
                f"my_formats.Mine, but got {show(node.get(TARGET))}"
            )
        if not isinstance(node.get(ENABLED, True), bool):
            faults.append(f"{_PREFIX}{name} must be true or false, but got {show(node[ENABLED])}")
        if node.get(ONLY_WITH) is not None and not _is_other(node[ONLY_WITH], name, config):
            others = nearest_first(str(node[ONLY_WITH]), set(config.formats) - {name})
            faults.append(
                f"{path}.{ONLY_WITH} must be another format without {ONLY_WITH} itself, but got "
                f"{show(node[ONLY_WITH])}; known, nearest first: {others}"
            )
    return faults


def _is_other(told: object, name: str, config: ExportConfig) -> bool:
    known = told in config.formats and told != name
    return known and config.formats[str(told)].get(ONLY_WITH) is None


def _in_full(text: str, names: Collection[str]) -> str:
    key, equals, value = text.partition("=")
    sign = key[: len(key) - len(_key(text))]
    name = _key(text).removeprefix(_PREFIX)
    if not _key(text).startswith(_PREFIX) or name not in names:
        return text
    if sign == "~":
        return f"~{_PREFIX}formats.{name}{equals}{value}"
    return f"{sign}{_PREFIX}formats.{name}.{ENABLED}{equals}{value}"


def _key(text: str) -> str:
    return text.partition("=")[0].lstrip("+~")


def _named_in(overrides: Sequence[str]) -> set[str]:
    """Return the formats of the user's own that overrides bring with an `enabled`."""
    prefix, suffix = f"{_PREFIX}formats.", f".{ENABLED}"
    keys = [_key(text) for text in overrides]
    return {
        key.removeprefix(prefix).removesuffix(suffix)
        for key in keys
        if key.startswith(prefix) and key.endswith(suffix)
    }


@cache
def _switches() -> frozenset[str]:
    """Return the formats in `conf/finish.yaml` that can be turned on and off."""
    told = yaml.safe_load((conf_dir() / "finish.yaml").read_text())
    formats: Mapping[str, Mapping[str, Any]] = told["export"]["formats"]
    return frozenset(name for name, node in formats.items() if ENABLED in node)
