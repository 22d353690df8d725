"""May a study of one space go on with another? Only if its architectures stay what they are.

Options may be added and ranges widened; parameters may be added where no architecture so far has
them (more blocks, a condition on a new option). Whatever would drop an earlier architecture, or
make another network of it, is told.
"""

import math
from collections.abc import Mapping, Sequence

from nas.architecture import Value
from nas.space.flatten import Shared
from nas.space.parameters import Condition, Domain, Float, Parameter
from nas.space.space import SearchSpace


def faults_of_extension(old: SearchSpace, new: SearchSpace) -> list[str]:
    """Return why architectures of `old` are not all architectures of `new`; empty if they are.

    Args:
        old: what the trials so far were drawn from.
        new: what the next ones are to be drawn from.
    """
    before = {parameter.name: parameter for parameter in old.parameters}
    now = {parameter.name: parameter for parameter in new.parameters}
    faults = [f"{name} is no longer a parameter" for name in before if name not in now]
    for name in [name for name in before if name in now]:
        faults += _domain_faults(name, before[name].domain, now[name].domain)
        if _on_old_values(now[name], before) != _on_old_values(before[name], before):
            faults.append(f"{name} counts under other conditions than before")
    faults += [
        f"{name} is new and would be missing in earlier trials; let it count only when another "
        "parameter has a new value"
        for name in now
        if name not in before and not _is_never_there(now[name], before)
    ]
    return faults + _shared_faults(old, new, before)


def _domain_faults(name: str, old: Domain, new: Domain) -> list[str]:
    if math.isinf(old.num_values):
        assert isinstance(old, Float), "only floats are endless"
        is_wider = (
            isinstance(new, Float)
            and new.step is None
            and new.low <= old.low
            and new.high >= old.high
        )
        return [] if is_wider else [f"{name} was any number from {old.low} to {old.high}"]
    lost = [value for value in old.values() if not new.contains(value)]
    if not lost:
        return []
    words = ", ".join(map(repr, lost[:4])) + (" and others" if len(lost) > 4 else "")
    return [f"{name} may no longer be {words}"]


def _on_old_values(
    node: Parameter | Shared, before: Mapping[str, Parameter]
) -> dict[str, set[Value]]:
    """Return the conditions as they are for earlier architectures; trivial ones left out."""
    found: dict[str, set[Value]] = {}
    for condition in node.conditions:
        values = _kept(condition, before)
        if values is not None:
            found[condition.parameter] = found.get(condition.parameter, values) & values
    return found


def _kept(condition: Condition, before: Mapping[str, Parameter]) -> set[Value] | None:
    """Return which earlier values of a parent fulfil a condition; None if all do."""
    if condition.parameter not in before:
        return set()  # a parent that no earlier architecture has
    domain = before[condition.parameter].domain
    if math.isinf(domain.num_values):
        return set(condition.values)
    kept = {value for value in domain.values() if value in condition.values}
    return None if len(kept) == domain.num_values else kept


def _is_never_there(node: Parameter | Shared, before: Mapping[str, Parameter]) -> bool:
    return any(_kept(condition, before) == set() for condition in node.conditions)


def _shared_faults(
    old: SearchSpace, new: SearchSpace, before: Mapping[str, Parameter]
) -> list[str]:
    now = {place.name: place for place in new.shared}
    known: Sequence[Shared] = old.shared
    faults = [
        f"{place.name} is no longer the same as {place.source}"
        for place in known
        if place.name not in now
        or now[place.name].source != place.source
        or _on_old_values(now[place.name], before) != _on_old_values(place, before)
    ]
    names = {place.name for place in known}
    return faults + [
        f"{place.name} is new and would be missing in earlier trials"
        for place in new.shared
        if place.name not in names and not _is_never_there(place, before)
    ]
