"""From a composed configuration to plain values: interpolations resolved where they can be."""

import re
from collections import defaultdict
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import (
    InterpolationToMissingValueError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)

from nas.config.validator import join, show

_POINTED_AT = re.compile(r"\$\{([\w.]+)\}")


class _LeftOut:
    """Stands for a value that cannot be had."""


class Resolver:
    """Turns a configuration into plain values, and notes what is missing or cannot be resolved."""

    def __init__(self) -> None:
        self._faults: list[str] = []
        self._pointing_into: defaultdict[str, list[str]] = defaultdict(list)
        self.unresolved: list[str] = []
        self.copied: dict[str, str] = {}

    @property
    def faults(self) -> list[str]:
        """One sentence for each; one for all that point into the same plain value."""
        return self._faults + [
            f"{blame}, but {paths[0]} points into it"
            + (f", and {len(paths) - 1} more" if len(paths) > 1 else "")
            for blame, paths in self._pointing_into.items()
        ]

    def plain(self, node: Any, *, path: str) -> Any:
        """Return plain values; what cannot be had is left out."""
        if isinstance(node, DictConfig):
            kept = {str(key): self._value(node, key, join(path, str(key))) for key in node}
            return {key: value for key, value in kept.items() if value is not _LeftOut}
        if isinstance(node, ListConfig):
            items = [self._value(node, i, f"{path}[{i}]") for i in range(len(node))]
            return [item for item in items if item is not _LeftOut]
        return node

    def _value(self, node: DictConfig | ListConfig, key: Any, path: str) -> Any:
        if OmegaConf.is_missing(node, key) and not OmegaConf.is_interpolation(node, key):
            self.unresolved.append(path)
            self._faults.append(f"{path} must be given: {path}=...")
            return _LeftOut
        if OmegaConf.is_interpolation(node, key):
            self.copied[path] = _pointed_at(node, key) or path
        try:
            value = node[key]
        except (InterpolationToMissingValueError, MissingMandatoryValue):
            self.unresolved.append(path)  # the fault is of the value that it points at
            return _LeftOut
        except OmegaConfBaseException as error:
            self.unresolved.append(path)
            if blame := _plain_on_the_way(node, key):
                self._pointing_into[blame].append(path)
            else:
                self._faults.append(f"{path} cannot be resolved: {first_words(error)}")
            return _LeftOut
        return self.plain(value, path=path)


def _pointed_at(node: DictConfig | ListConfig, key: Any) -> str | None:
    """Return the dotted name that a value is a copy of; None where it is made of more."""
    raw = OmegaConf.to_container(node, resolve=False)
    found = _POINTED_AT.fullmatch(str(raw[key]))  # type: ignore[index]
    return found[1] if found else None


def _plain_on_the_way(node: DictConfig | ListConfig, key: Any) -> str | None:
    """Name the plain value that an interpolation would pass through; None where there is none."""
    raw = OmegaConf.to_container(node, resolve=False)
    for pointed_at in _POINTED_AT.findall(str(raw[key])):  # type: ignore[index]
        parts = pointed_at.split(".")
        for end in range(1, len(parts)):
            place = ".".join(parts[:end])
            value = OmegaConf.select(node._get_root(), place)
            if value is not None and not OmegaConf.is_config(value):
                return f"{place}={show(value)} is a plain value"
    return None


def first_words(error: BaseException) -> str:
    """Return the first words that say something, of an error or of what caused it."""
    seen: BaseException | None = error
    while seen is not None:
        lines = [line.strip() for line in str(seen).splitlines() if line.strip()]
        if lines:
            return "; ".join(lines[:2])
        seen = seen.__cause__
    return type(error).__name__
