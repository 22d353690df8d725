"""How far apart are two architectures of a space? Parameter by parameter, on one scale.

Gower's distance (1971, https://doi.org/10.2307/2528823): numbers and ordered options differ by
their share of the range, other options wholly or not at all. A parameter that only one of
the two has counts wholly. Blocks of a repeat that is deeper in one of them count so, too.
"""

from collections.abc import Iterable

from nas.architecture import Architecture, Value
from nas.space.parameters import Choice, Domain, Parameter


def distance(one: Architecture, other: Architecture, parameters: Iterable[Parameter]) -> float:
    """Return the sum over all parameters of what two architectures differ by, each 0 to 1.

    >>> from nas.space.parameters import Int
    >>> parameters = [Parameter("depth", Int(1, 5)), Parameter("block", Choice(["a", "b"]))]
    >>> small = Architecture({"depth": 1, "block": "a"})
    >>> distance(small, Architecture({"depth": 3, "block": "b"}), parameters)
    1.5
    """
    return sum(_difference(p.domain, one.get(p.name), other.get(p.name)) for p in parameters)


def _difference(domain: Domain, one: Value | None, other: Value | None) -> float:
    if one is None or other is None:
        return float(one is not other)
    if one == other:
        return 0.0
    if not isinstance(domain, Choice):
        return abs(float(one) - float(other)) / (domain.high - domain.low)
    order = _in_order(domain)
    return abs(order.index(one) - order.index(other)) / (len(order) - 1) if order else 1.0


def _in_order(domain: Choice) -> list[Value]:
    """Return the options in their order: as told, or by size where all are numbers; else none."""
    if domain.is_ordered:
        return list(domain.options)
    numbers = [o for o in domain.options if isinstance(o, int | float) and not isinstance(o, bool)]
    return sorted(numbers) if len(numbers) == len(domain.options) else []
