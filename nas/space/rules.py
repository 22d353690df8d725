"""What a ready-made space expects of its parameters, and the refusal where they differ.

A space that knows its parameters by name (`stages.kernel`, block numbers left out) says for each
what its values must be; a user who misspells one, forgets one or gives a value that cannot be
built is told so before anything is built.
"""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from nas.errors import SpaceError, nearest_first
from nas.space.parameters import Domain


@dataclass(frozen=True)
class Rule:
    """What the values of one parameter must be.

    Attributes:
        allowed: the rule in words, after "must be".
        holds: says whether a value obeys it.
    """

    allowed: str
    holds: Callable[[Any], bool]


def check_parameters(
    domains: Mapping[str, Domain],
    rules: Mapping[str, Rule],
    *,
    space: str,
    optional: Set[str] = frozenset(),
) -> None:
    """Refuse parameters that a space does not know, misses or cannot build.

    Args:
        domains: dotted name, with block numbers -> domain.
        rules: dotted name without block numbers -> rule, for every parameter that the space knows.
        space: name of the space, for the message.
        optional: names of `rules` that may be absent.

    Raises:
        SpaceError: naming the parameter, the value and what is allowed.
    """
    given = {without_blocks(name) for name in domains}
    for name in sorted(given - rules.keys()):
        known = nearest_first(name, rules)
        raise SpaceError(f"{space} has no parameter '{name}'; known, nearest first: {known}")
    missing = sorted(rules.keys() - optional - given)
    if missing:
        raise SpaceError(
            f"{space} needs the parameter {', '.join(missing)}; "
            f"to fix it at one value write {missing[0]}: value"
        )
    for name, domain in domains.items():
        rule = rules[without_blocks(name)]
        for value in domain.values():
            if not rule.holds(value):
                raise SpaceError(f"{space}: {name} must be {rule.allowed}, but got {value!r}")


def without_blocks(name: str) -> str:
    """Return a dotted name without its block numbers.

    >>> without_blocks("stages.0.kernel")
    'stages.kernel'
    """
    return ".".join(part for part in name.split(".") if not part.isdigit())


def one_of(*options: str) -> Rule:
    """Expect one of some words."""
    return Rule(f"one of {', '.join(options)}", lambda value: value in options)


def whole(minimum: int, maximum: int | None = None) -> Rule:
    """Expect a whole number of at least `minimum`, and of at most `maximum` if there is one."""
    upper = "" if maximum is None else f" and at most {maximum}"
    return Rule(
        f"a whole number of at least {minimum}{upper}",
        lambda value: _is_whole(value) and minimum <= value <= (maximum or value),
    )


def odd(minimum: int) -> Rule:
    """Expect an odd whole number of at least `minimum`."""
    return Rule(
        f"an odd whole number of at least {minimum}",
        lambda value: _is_whole(value) and value >= minimum and value % 2 == 1,
    )


def above(minimum: float, maximum: float | None = None) -> Rule:
    """Expect a number above `minimum`, and of at most `maximum` if there is one."""
    upper = "" if maximum is None else f" and at most {maximum}"
    return Rule(
        f"a number above {minimum}{upper}",
        lambda value: _is_number(value) and minimum < value <= (maximum or value),
    )


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
