"""Can the limits of metrics be kept, and are they of metrics that can be limited?"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nas.config.recorded import table_metrics
from nas.errors import nearest_first
from nas.metric import METRICS, STATIC_METRICS, device_of, is_share

# Metrics that none of the evaluators here measures in a trial.
_OF_OWN_EVALUATORS = ("energy_j", "peak_memory_bytes")


def constraint_faults(values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the limits of a search."""
    constraints = values.get("constraints")
    if not isinstance(constraints, Mapping):
        return []
    own = table_metrics(values)
    known = own or STATIC_METRICS
    node = values.get("objectives")
    wanted = node.get("metrics") if isinstance(node, Mapping) else None
    objectives = [str(metric) for metric in wanted] if isinstance(wanted, list) else []
    faults = []
    for name, limits in constraints.items():
        given = list(limits.values()) if isinstance(limits, Mapping) else []
        if all(value is None for value in given):
            continue
        is_known = name in known or device_of(str(name)) is not None
        if not is_known and name not in objectives:
            faults.append(_no_constraint(str(name), known, objectives))
        faults.extend(_limit_faults(str(name), limits))
    return faults


def _no_constraint(name: str, known: Iterable[str], objectives: Sequence[str]) -> str:
    if name in _OF_OWN_EVALUATORS:
        return (
            f"constraints.{name}: no trial measures {name}, unless an evaluator of your own does; "
            f"limit what is known before training, nearest first: {nearest_first(name, known)}"
        )
    if name in METRICS and name not in STATIC_METRICS:
        wider = ",".join([*objectives, name])
        return (
            f"constraints.{name}: {name} is measured by training, so the search must also make it "
            f"better to keep a limit: objectives=[{wider}]"
        )
    return (
        f"constraints.{name}: {name} is no metric; what can be limited, nearest first: "
        f"{nearest_first(name, {*known, *objectives})}"
    )


def _limit_faults(name: str, limits: Mapping[str, Any]) -> list[str]:
    low, high = limits.get("min"), limits.get("max")
    is_cost = name in STATIC_METRICS or device_of(name) is not None
    if is_cost and isinstance(high, int | float) and high <= 0:
        return [f"constraints.{name}.max is {high:g}, and every network has more than 0; raise it"]
    if faults := share_faults({name: limits}, place="constraints"):
        return faults
    if not isinstance(low, int | float) or not isinstance(high, int | float) or low <= high:
        return []
    broken = f"min {low:g} is above max {high:g}, so nothing can keep both"
    return [f"constraints.{name}: {broken}; raise max or lower min"]


def share_faults(limits: Mapping[str, Mapping[str, Any]], *, place: str) -> list[str]:
    """Return a fault for each limit of a share, such as an accuracy, that no share can have."""
    return [
        f"{place}.{name}.{end} must be a share from 0 to 1, or as 60%, but got {value:g}"
        for name, ends in limits.items()
        if is_share(name)
        for end, value in ends.items()
        if isinstance(value, int | float) and not 0 <= value <= 1
    ]
