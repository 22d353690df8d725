"""Which operators should take similar time, and how large may each one's time be?

An operator's time is a sum over what it uses: a fixed start, arithmetic, memory traffic, and the
time that each known device needs for it. What a unit of each costs is one number for all operators
(`all`), moved by one for each kind of operator (`kind`), moved by a smooth function of the shape
(`shape`) and by how well the channels fill vector registers (`alignment`). All of these are
unknown and Gaussian, so the times of two networks, which are sums over their operators, have a
covariance (Rasmussen, Williams 2006, chapter 2: a sum of Gaussian processes is one).

Letters: N networks, M other networks, P distinct operators, Q other operators, U uses, L levels.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nas.device.operators import Operator

FloatArray = NDArray[np.float64]
Counts: TypeAlias = Mapping[Operator, int]  # how often each operator runs in a network
TimeOf: TypeAlias = Callable[[Operator], float]

LEVELS = ("all", "kind", "shape", "alignment")
USES = ("start", "arithmetic", "traffic")
# In natural logarithms of channels, positions and windows: operators whose shapes differ by a
# factor of 4 or so have much in common.
_SHAPE_LENGTH = 1.5
# Processors compute 4, 8 or 16 channels at a time; runtimes have slower kernels for numbers of
# channels that do not divide so, and copy what goes from one kind of kernel to the other.
_MOST_HALVINGS = 4
_ALIGNMENT_LENGTH = 2.0


@dataclass(frozen=True)
class Uses:
    """What operators use, in units of which the networks of a measurement use 1 on average.

    Attributes:
        scale: (U,) what a network uses on average.
        known: further devices' times, one use each.
    """

    scale: FloatArray
    known: tuple[TimeOf, ...] = ()

    @classmethod
    def of(cls, networks: Sequence[Counts], known: Sequence[TimeOf] = ()) -> "Uses":
        """Return the uses of some networks."""
        plain = cls(np.ones(len(USES) + len(known)), tuple(known))
        totals = [np.asarray(list(counts.values())) @ plain(list(counts)) for counts in networks]
        return cls(np.maximum(np.mean(totals, axis=0), 1e-12), tuple(known))

    def __call__(self, operators: Sequence[Operator]) -> FloatArray:
        """Return (P, U)."""
        rows = [
            [
                1.0,
                o.num_macs,
                o.num_in + o.num_out + o.num_weights,
                *(max(time(o), 0.0) for time in self.known),
            ]
            for o in operators
        ]
        return np.asarray(rows, dtype=float).reshape(len(rows), -1) / self.scale


@dataclass(frozen=True)
class Traits:
    """What tells whether operators are alike.

    Attributes:
        kinds: (P,) names.
        shapes: (P, 5) natural logarithms of channels, positions, window and stride.
        alignments: (P, 2) how often channels in and out can be halved, up to `_MOST_HALVINGS`.
    """

    kinds: NDArray[np.str_]
    shapes: FloatArray
    alignments: FloatArray

    @classmethod
    def of(cls, operators: Sequence[Operator]) -> "Traits":
        """Return the traits of some operators."""
        number = len(operators)
        return cls(
            np.array([_kind(o) for o in operators], dtype=np.str_),
            np.array([_shape(o) for o in operators]).reshape(number, -1),
            np.array([_alignment(o) for o in operators], dtype=float).reshape(number, -1),
        )


def similarities(operators: Traits, others: Traits) -> list[FloatArray]:
    """Return (P, Q) for each of `LEVELS`: 1 for alike, 0 for nothing in common."""
    is_same = (operators.kinds[:, None] == others.kinds[None, :]).astype(float)
    near = _nearness(operators.shapes, others.shapes, length=_SHAPE_LENGTH)
    aligned = _nearness(operators.alignments, others.alignments, length=_ALIGNMENT_LENGTH)
    return [np.ones_like(is_same), is_same, is_same * near, is_same * aligned]


def _nearness(rows: FloatArray, others: FloatArray, *, length: float) -> FloatArray:
    squares = np.zeros((len(rows), len(others)))
    for column, other in zip(rows.T, others.T, strict=True):
        squares += (column[:, None] - other[None, :]) ** 2
    return np.asarray(np.exp(-0.5 * squares / length**2))


def counts_matrix(networks: Sequence[Counts], operators: Sequence[Operator]) -> FloatArray:
    """Return (N, P): how often each operator runs."""
    place = {operator: index for index, operator in enumerate(operators)}
    matrix = np.zeros((len(networks), len(operators)))
    for row, counts in zip(matrix, networks, strict=True):
        for operator, count in counts.items():
            row[place[operator]] += count
    return matrix


def covariance_parts(
    left: tuple[FloatArray, FloatArray],
    right: tuple[FloatArray, FloatArray],
    levels: Sequence[FloatArray],
) -> FloatArray:
    """Return (U * L + 1, N, M): the covariance of two sets of networks that each part brings.

    The last part is a time that all networks have in common.

    Args:
        left: counts (N, P) and uses (P, U).
        right: counts (M, Q) and uses (Q, U).
        levels: (P, Q) each.
    """
    (counts, uses), (other_counts, other_uses) = left, right
    parts = []
    for use in range(uses.shape[1]):
        weighted, other = counts * uses[:, use], other_counts * other_uses[:, use]
        parts += [weighted @ level @ other.T for level in levels]
    parts.append(np.ones((len(counts), len(other_counts))))
    return np.array(parts)


def _kind(operator: Operator) -> str:
    # Activations differ by what they compute; a clamp inside of an operator costs next to nothing.
    is_function = operator.kind == "activation"
    return f"{operator.kind} {operator.function}" if is_function else operator.kind


def _shape(operator: Operator) -> list[float]:
    sizes = (
        operator.in_channels / operator.groups,
        operator.channels,
        operator.positions,
        operator.kernel,
        operator.stride,
    )
    return [float(np.log(max(size, 1.0))) for size in sizes]


def _alignment(operator: Operator) -> tuple[int, int]:
    return _halvings(operator.in_channels), _halvings(operator.channels)


def _halvings(number: int) -> int:
    """Return how often a number can be halved, at most `_MOST_HALVINGS`.

    >>> [_halvings(number) for number in (1, 6, 24, 320)]
    [0, 1, 3, 4]
    """
    lowest_bit = number & -number
    return min(max(lowest_bit.bit_length() - 1, 0), _MOST_HALVINGS)
