"""Were compared runs trained alike? What differs in how they trained and judged, told by name.

Samplers and search spaces are what one compares. Where trainings differ too (epochs, augmentation,
how images are prepared), accuracies differ by that as well, and a comparison must say so.
"""

from collections.abc import Mapping, Sequence
from typing import Any

_SECTIONS = ("training", "data", "task", "loss")
# Where data lie and how they are read, and how fast: none of it changes a result.
_NO_MATTER = (
    *("_target_", "path", "cache", "num_workers", "device", "streaming", "memory_limit_mb"),
    *("on_broken", "trial_time_limit_s"),
)
_MOST_TOLD = 6


def recipe_lines(names: Sequence[str], configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each setting by which trainings of runs differ, the first run before.

    Args:
        names: of the runs.
        configs: what their config.yaml hold.
    """
    flat = [_flat({key: config.get(key) for key in _SECTIONS}) for config in configs]
    keys = dict.fromkeys(key for settings in flat for key in settings)
    found = []
    for key in keys:
        first = flat[0].get(key)
        other = next((i for i, settings in enumerate(flat) if settings.get(key) != first), None)
        if other is not None:
            told = flat[other].get(key)
            found.append(f"{key} is {first} in {names[0]} and {told} in {names[other]}")
    rest = len(found) - _MOST_TOLD
    return found[:_MOST_TOLD] + ([f"and {rest} more settings"] if rest > 0 else [])


def recipe_warning(lines: Sequence[str]) -> str:
    """Return what is told of unlike trainings; empty where there are none."""
    if not lines:
        return ""
    listed = "\n".join(f"  {line}" for line in lines)
    return f"These runs were not trained alike, which the ranking shows too:\n{listed}"


def _flat(value: object, name: str = "") -> dict[str, object]:
    if isinstance(value, Mapping):
        found: dict[str, object] = {}
        for key, inner in value.items():
            if key not in _NO_MATTER:
                found |= _flat(inner, f"{name}.{key}" if name else str(key))
        return found
    return {name: value}
