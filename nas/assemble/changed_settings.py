"""Which settings of a run are other than they were, so that its trials would not be comparable?"""

from collections.abc import Iterator, Mapping
from typing import Any

from nas.assemble.extension import space_faults, without_extensions
from nas.config.defaults import completed
from nas.config.places import is_place
from nas.secrets import masked_setting

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
    {
        "data.memory_limit_mb",  # where images lie changes no number
        "data.streaming",
        "evaluation.checkpoint_every_s",
        "evaluation.gpu_share",
        "evaluation.num_threads",
        "fidelity.checkpoints_gb",
        "training.trial_time_limit_s",
    }
)


def changed_settings(before: Mapping[Any, Any], now: Mapping[Any, Any]) -> list[str]:
    """Return one line for each setting that must not change and did.

    A search space that only grew and limits that only became wider are no changes, nor is a
    setting that came with a later version and is at its default. Where data lie is none: they are
    compared by what they hold (`nas.assemble.run_data`).
    """
    before, now = (masked_setting(completed(values)) for values in (before, now))
    comparable = without_extensions(before, now)
    old, new = (dict(_leaves(_fixed(values))) for values in (comparable, now))
    changes = [
        f"{name} was {old.get(name, 'absent')} and is now {new.get(name, 'absent')}"
        for name in dict.fromkeys([*old, *new])
        if name not in _MAY_CHANGE
        and old.get(name) != new.get(name)
        and not is_place(
            name,
            before=old.get(name),
            now=new.get(name),
            target=new.get("data._target_"),
        )
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
