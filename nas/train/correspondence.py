"""Which parts of two networks correspond? Found from the names and shapes of their tensors alone.

Names of a state dict make a tree. Parts of equal name correspond, except in lists (children named
0, 1, 2, ...: `nn.Sequential`, `nn.ModuleList`), whose members move when a network is deeper:
there the members are aligned in their order, as two sequences are (Needleman and Wunsch, 1970,
https://doi.org/10.1016/0022-2836(70)90057-4), so that as much as possible fits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

Shape = tuple[int, ...]
_LAYERED = ("parametrizations.", ".original")  # how torch names a weight that is computed


@dataclass
class _Part:
    """A module in the tree of names.

    Attributes:
        tensors: name inside the module -> shape.
        places: name inside the module -> full name.
        parts: modules inside, by name.
    """

    tensors: dict[str, Shape] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    parts: dict[str, "_Part"] = field(default_factory=dict)

    @property
    def is_list(self) -> bool:
        """Whether its parts are numbered."""
        return bool(self.parts) and all(name.isdecimal() for name in self.parts)

    def members(self) -> "list[_Part]":
        """Return the numbered parts in order; names in a file may come in any."""
        return [part for _, part in sorted(self.parts.items(), key=lambda item: int(item[0]))]

    def num_values(self) -> int:
        """Return the values in it."""
        own = sum(prod(shape) for shape in self.tensors.values())
        return own + sum(part.num_values() for part in self.parts.values())


@dataclass(frozen=True)
class _Fit:
    """How much of two parts is common, and by which tensors.

    Attributes:
        num_common: values that both have.
        pairs: full name in the child -> full name in the relative.
    """

    num_common: int
    pairs: Mapping[str, str]


def corresponding(child: Mapping[str, Shape], relative: Mapping[str, Shape]) -> dict[str, str]:
    """Return the tensors of a child that a relative has too: name there -> name here.

    A weight that torch computes of another one (`parametrizations.weight.original`) counts under
    its plain name.

    >>> shallow = {"0.weight": (4, 3, 3, 3), "1.weight": (10, 4)}
    >>> deep = {"0.weight": (8, 3, 3, 3), "1.weight": (8, 8, 3, 3), "2.weight": (10, 8)}
    >>> corresponding(deep, shallow)
    {'0.weight': '0.weight', '2.weight': '1.weight'}

    Args:
        child: name -> shape.
        relative: name -> shape.
    """
    return dict(_fit(_tree(child), _tree(relative)).pairs)


def likeness(child: Mapping[str, Shape], relative: Mapping[str, Shape]) -> float:
    """Return how alike the layers of two networks are, from 0 to 1; 1 where all have equal shapes.

    Each layer that either of them has counts alike: by the values of its weight that both have, as
    a share of those that one of them has. A layer is a tensor of two axes or more.

    >>> wide = {"0.weight": (8, 4), "1.weight": (2, 8)}
    >>> likeness(wide, {"0.weight": (4, 4), "1.weight": (2, 4)})
    0.5

    Args:
        child: name -> shape.
        relative: name -> shape.
    """
    layers = [{n: s for n, s in shapes.items() if len(s) > 1} for shapes in (child, relative)]
    if not all(layers):
        return 0.0
    pairs = corresponding(*layers)
    found = [_common_share(child[name], relative[source]) for name, source in pairs.items()]
    return sum(found) / (len(layers[0]) + len(layers[1]) - len(pairs))


def _common_share(one: Shape, other: Shape) -> float:
    num_common = prod(overlap(one, other) or (0,))
    return num_common / max(1, prod(one) + prod(other) - num_common)


def plain_name(name: str) -> str:
    """Return the name that a weight has where it is not computed of another one.

    >>> plain_name("head.parametrizations.weight.original")
    'head.weight'
    """
    start, end = _LAYERED
    if start in name and name.endswith(end):
        return name.replace(start, "").removesuffix(end)
    return name


def _tree(shapes: Mapping[str, Shape]) -> _Part:
    root = _Part()
    for full, shape in shapes.items():
        *path, name = plain_name(full).split(".")
        part = root
        for word in path:
            part = part.parts.setdefault(word, _Part())
        part.tensors[name], part.places[name] = shape, full
    return root


def overlap(one: Shape, other: Shape) -> Shape | None:
    """Return the shape of what two tensors have in common; None for other numbers of axes."""
    return tuple(map(min, one, other)) if len(one) == len(other) else None


def _fit(child: _Part, relative: _Part) -> _Fit:
    num_common, pairs = 0, {}
    for name, shape in child.tensors.items():
        common = overlap(shape, relative.tensors[name]) if name in relative.tensors else None
        if common is not None:
            num_common += prod(common)
            pairs[child.places[name]] = relative.places[name]
    if child.is_list and relative.is_list:
        found = _align(child.members(), relative.members())
    else:
        known = [name for name in child.parts if name in relative.parts]
        found = [_fit(child.parts[name], relative.parts[name]) for name in known]
    for fit in found:
        num_common += fit.num_common
        pairs |= fit.pairs
    return _Fit(num_common, pairs)


def _align(children: Sequence[_Part], relatives: Sequence[_Part]) -> list[_Fit]:
    """Return the fits of those members of two lists that belong together, in order.

    The sum of the likeness of all pairs is largest; of equals the first ones go together, so that
    what is left over stands at the end of a run of equal members.
    """
    fits = [[_fit(one, other) for other in relatives] for one in children]
    sizes = [part.num_values() for part in children], [part.num_values() for part in relatives]
    rows, columns = len(children), len(relatives)
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for row in reversed(range(rows)):
        for column in reversed(range(columns)):
            likeness = _likeness(fits[row][column], sizes[0][row], sizes[1][column])
            best[row][column] = max(
                likeness + best[row + 1][column + 1] if likeness else 0.0,
                best[row + 1][column],
                best[row][column + 1],
            )
    found, row, column = [], 0, 0
    while row < rows and column < columns:
        likeness = _likeness(fits[row][column], sizes[0][row], sizes[1][column])
        if likeness and best[row][column] == likeness + best[row + 1][column + 1]:
            found.append(fits[row][column])
            row, column = row + 1, column + 1
        elif best[row][column] == best[row + 1][column]:
            row += 1
        else:
            column += 1
    return found


def _likeness(fit: _Fit, num_child: int, num_relative: int) -> float:
    """Return the share of two parts that is common, from 0 to 1 (Dice's coefficient)."""
    return 2.0 * fit.num_common / max(1, num_child + num_relative)
