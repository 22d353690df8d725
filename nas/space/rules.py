"""What a ready-made space expects of its parameters, and the refusal where they differ.

A space that knows its parameters by name (`stages.kernel`, block numbers left out) says for each
what its values must be; a user who misspells one, forgets one or gives a value that cannot be
built is told so before anything is built. Rules have an upper end: a slip of the finger that asks
for ten thousand blocks or a million channels is refused, and not built.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from nas.errors import SpaceError, nearest_first
from nas.space.parameters import Domain

# No network that fits a machine has more; what a rule allows unless it says otherwise.
MAX_CHANNELS, MAX_SIDE, MAX_KERNEL, MAX_TIMES = 10_000, 4_096, 255, 1_000
MAX_BLOCKS_IN_ALL = 1_000


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


def check_arguments(
    arguments: Mapping[str, Any], rules: Mapping[str, Rule], *, space: str
) -> None:
    """Refuse arguments of a space, beside its parameters, that it cannot build with.

    Args:
        arguments: name -> value, or a sequence whose members must each obey the rule.
        rules: name -> rule.
        space: name of the space, for the message.

    Raises:
        SpaceError: naming the argument, the value and what is allowed.
    """
    for name, given in arguments.items():
        is_many = isinstance(given, Sequence) and not isinstance(given, str)
        values = list(given) if is_many else [given]
        if not values:
            raise SpaceError(f"{space}: {name} is empty; give at least one value")
        if not all(rules[name].holds(value) for value in values):
            got = values if is_many else given
            raise SpaceError(f"{space}: {name} must be {rules[name].allowed}, but got {got!r}")


def check_depth(domains: Mapping[str, Domain], name: str, *, space: str) -> None:
    """Refuse stages that together may have more blocks than anybody trains.

    Args:
        domains: dotted name, with block numbers -> domain.
        name: of the parameter, without block numbers, that says how many blocks a stage has.
        space: name of the space, for the message.

    Raises:
        SpaceError: the deepest network has more than `MAX_BLOCKS_IN_ALL`.
    """
    stages = [domain for place, domain in domains.items() if without_blocks(place) == name]
    most = sum(max(int(depth) for depth in stage.values()) for stage in stages)
    if most > MAX_BLOCKS_IN_ALL:
        raise SpaceError(
            f"{space}: the deepest network would have {most:,} blocks, and may have "
            f"{MAX_BLOCKS_IN_ALL:,}; narrow {name}"
        )


def without_blocks(name: str) -> str:
    """Return a dotted name without its block numbers.

    >>> without_blocks("stages.0.kernel")
    'stages.kernel'
    """
    return ".".join(part for part in name.split(".") if not part.isdigit())


def one_of(*options: str) -> Rule:
    """Expect one of some words."""
    return Rule(f"one of {', '.join(options)}", lambda value: value in options)


def either() -> Rule:
    """Expect true or false."""
    return Rule("true or false", lambda value: isinstance(value, bool))


def whole(minimum: int, maximum: int = MAX_CHANNELS) -> Rule:
    """Expect a whole number of at least `minimum` and at most `maximum`."""
    return Rule(
        f"a whole number of at least {minimum} and at most {maximum:,}",
        lambda value: _is_whole(value) and minimum <= value <= maximum,
    )


def odd(minimum: int, maximum: int = MAX_KERNEL) -> Rule:
    """Expect an odd whole number of at least `minimum` and at most `maximum`."""
    return Rule(
        f"an odd whole number of at least {minimum} and at most {maximum:,}",
        lambda value: _is_whole(value) and minimum <= value <= maximum and value % 2 == 1,
    )


def above(minimum: float, maximum: float = MAX_TIMES) -> Rule:
    """Expect a number above `minimum` and of at most `maximum`."""
    return Rule(
        f"a number above {minimum} and at most {maximum:,}",
        lambda value: _is_number(value) and minimum < value <= maximum,
    )


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def least_map_side(domains: Mapping[str, Domain]) -> int:
    """Return the least side of a map that a stage of halved maps may have.

    On a smaller one some tap of the largest kernel would meet nothing but padding, and be a weight
    without effect.

    Args:
        domains: dotted name, with block numbers -> domain; those named `kernel` count.
    """
    kernels = [
        int(kernel)
        for name, domain in domains.items()
        if name.endswith(".kernel")
        for kernel in domain.values()
    ]
    return (max(kernels) + 1) // 2
