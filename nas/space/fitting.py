"""Which sides, patches and strides suit images of a size? For spaces that let them be `auto`."""

import math
from collections.abc import Mapping
from typing import Any

from nas.architecture import Value
from nas.space.parameters import Domain, Float

AUTO = "auto"
SMALL_SIDE = 12  # pixels, up to which images are enlarged rather than made smaller
_MIDDLE_SIDE = 24
STRIDE_SIDE = 56  # from here on a first convolution of stride 1 costs more than it gains
FIVE_STAGES_SIDE = 160
_MOST_PATCHES = 16  # along a side


def suited_sides(side: int) -> list[int]:
    """Return three sides at which networks may see images of that side.

    Tiny images gain from being enlarged; of others the smallest has half the side, where a network
    still sees what it is about.

    >>> suited_sides(8), suited_sides(32), suited_sides(64), suited_sides(224)
    ([8, 12, 16], [16, 24, 32], [32, 48, 64], [112, 168, 224])
    """
    if side <= SMALL_SIDE:
        factors = (1.0, 1.5, 2.0)
    elif side < _MIDDLE_SIDE:
        factors = (0.75, 1.0, 1.5)
    else:
        factors = (0.5, 0.75, 1.0)
    return sorted({max(4, round(side * factor)) for factor in factors})


def suited_patches(side: int) -> list[int]:
    """Return two sizes of patches for images of that side.

    >>> suited_patches(8), suited_patches(32), suited_patches(64), suited_patches(224)
    ([2, 4], [2, 4], [4, 8], [14, 28])
    """
    patch = max(2, side // _MOST_PATCHES)
    return [patch, 2 * patch]


def largest_of(arguments: Mapping[str, Any], place: str, otherwise: int) -> int:
    """Return the largest number that was given at a dotted place, or another number."""
    node: Any = arguments
    for key in place.split("."):
        node = node.get(key) if isinstance(node, Mapping) else None
    numbers = [one for one in node if isinstance(one, int)] if isinstance(node, list) else []
    return max(numbers, default=otherwise)


def filled(arguments: Mapping[str, Any], suited: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments in which `auto` at a dotted place has become what suits there.

    >>> filled({"a": {"b": "auto", "c": 1}}, {"a.b": 2, "a.c": 3, "d": 4})
    {'a': {'b': 2, 'c': 1}}
    """
    return {key: _filled(value, key, suited) for key, value in arguments.items()}


def _filled(value: Any, place: str, suited: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: _filled(inner, f"{place}.{key}", suited) for key, inner in value.items()}
    return suited[place] if value == AUTO and place in suited else value


def without_auto(arguments: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return arguments without the parameter whose domain at a dotted place is `auto`.

    >>> without_auto({"a": {"b": {"choice": "auto"}, "c": 1}}, "a.b.choice")
    {'a': {'c': 1}}
    """
    key, _, rest = place.partition(".")
    inner = arguments.get(key)
    if not isinstance(inner, Mapping):
        return dict(arguments)
    if "." not in rest:
        others = {name: value for name, value in arguments.items() if name != key}
        return others if inner.get(rest) == AUTO else dict(arguments)
    return {**arguments, key: without_auto(inner, rest)}


def nearest_value(domain: Domain, wanted: Value) -> Value:
    """Return the value of a domain that is nearest to a number; of words that one, or the first.

    >>> from nas.space.parameters import Choice
    >>> nearest_value(Choice([0.5, 1.4]), 1.0), nearest_value(Choice(["relu", "silu"]), "gelu")
    (1.4, 'relu')
    """
    if isinstance(domain, Float) and math.isinf(domain.num_values):
        return min(max(float(wanted), domain.low), domain.high)
    values = domain.values()
    if domain.contains(wanted) or isinstance(values[0], bool | str):
        return wanted if domain.contains(wanted) else values[0]
    return min(values, key=lambda value: abs(float(value) - float(wanted)))
