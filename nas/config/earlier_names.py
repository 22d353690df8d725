"""What did earlier versions call it? Names that stand in run folders and in YAML files of users.

A run of an earlier version goes on, and is finished, repeated and compared, without a change of
its files; a YAML file of a user that says an old name works, with a note. A name that changes
gets a line here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

# What `_target_` may say: old name -> new name.
TARGETS = {"nas.sampling.frontier.FrontierSampler": "nas.FrontierSampler"}
# Arguments of targets: new name of the target -> old name of the argument -> new one.
ARGUMENTS = {"nas.FrontierSampler": {"num_looks": "num_candidates"}}
# Settings of the shipped YAML files: old name -> new name.
SETTINGS = {"sampler.num_looks": "sampler.num_candidates"}


def with_new_names(values: Any) -> Any:
    """Return plain values with the names of this version.

    An argument that stands there under both names stays so, and is refused where targets are.

    >>> with_new_names({"_target_": "nas.sampling.frontier.FrontierSampler", "num_looks": 9})
    {'_target_': 'nas.FrontierSampler', 'num_candidates': 9}
    """
    if isinstance(values, list):
        return [with_new_names(value) for value in values]
    if not isinstance(values, Mapping):
        return values
    target, renamed = _new_target(values), _renamed_arguments(values)
    told = {renamed.get(key, key): with_new_names(value) for key, value in values.items()}
    return told if target is None else {**told, "_target_": target}


def notes_on_old_names(values: Any) -> Iterator[str]:
    """Yield a sentence for each old name in plain values: which, and what to write now."""
    if isinstance(values, Mapping):
        new, renamed = _new_target(values), _renamed_arguments(values)
        if new is not None and new != values["_target_"]:
            yield f"_target_: {values['_target_']} is of an earlier version; write {new} now"
        for old, name in renamed.items():
            yield f"{old} of {new} is called {name} now; write that"
        values = list(values.values())
    if isinstance(values, list):
        for value in values:
            yield from notes_on_old_names(value)


def _new_target(node: Mapping[Any, Any]) -> str | None:
    target = node.get("_target_")
    return TARGETS.get(target, target) if isinstance(target, str) else None


def _renamed_arguments(node: Mapping[Any, Any]) -> dict[str, str]:
    """Return old name -> new name of those arguments in a node that have the old one alone."""
    names = ARGUMENTS.get(_new_target(node) or "", {})
    return {old: new for old, new in names.items() if old in node and new not in node}
