"""How much hypervolume is a candidate expected to add, when some of its objectives are known?

The region that the front does not dominate is cut into boxes. In each box, the volume that a
candidate is expected to dominate is a product over the objectives: a length for a known one, a
difference of two expected improvements for an unknown one. Unknown objectives are taken as
independent normal variables. The sum over the boxes is the expected hypervolume improvement, in
closed form for any number of objectives. Where a model sees its objective on a warped scale,
lengths still count on the original scale. That scale is piecewise linear in the warped one, so the
form stays closed.

Notation, as in the source:
    n, m, b  candidates, objectives, boxes
    l, u     `lower`, `upper` (b, m), the corners of the boxes; -inf towards better values
    r        `reference` (m,), the worst corner that counts
    Y        loss of a candidate, normal with `mean` and `sd` (n, m); sd 0 where it is known
    (x)+     the larger of x and 0; EI(u) = E[(u - Y)+], the expected improvement below u
    h        map from the warped to the original scale (`nas.frontier.loss_scale`)

Source: Yang, Emmerich, Deutz, Bäck 2019, "Multi-objective Bayesian global optimization using
expected hypervolume improvement gradient", equations 11 to 13; Jones et al. 1998 for the
improvement. All in loss form: lower is better.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from nas.frontier.loss_scale import OutputWarp
from nas.pareto.dominance import front_mask

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Boxes:
    """Disjoint boxes that fill the space that a front leaves undominated, up to a reference.

    Attributes:
        lower: (b, m) lower corners; -inf towards better values.
        upper: (b, m) upper corners.
        warps: of the columns whose scale is warped.
    """

    lower: FloatArray
    upper: FloatArray
    warps: Mapping[int, OutputWarp] = field(default_factory=dict)

    @cached_property
    def columns(self) -> list["_Column"]:
        """The corners, objective by objective."""
        return [
            _column(lower, upper, self.warps.get(index))
            for index, (lower, upper) in enumerate(zip(self.lower.T, self.upper.T, strict=True))
        ]


@dataclass(frozen=True)
class _Column:
    """What the boxes are along one objective: many share a corner, which is computed once.

    Attributes:
        edges: distinct places on this objective's scale, ascending; also where its slope changes.
        lower: (b) which edge is the lower corner of each box.
        upper: (b) which is the upper.
        slopes: how much steeper the original scale is right of each edge; None if none is warped.
    """

    edges: FloatArray
    lower: IntArray
    upper: IntArray
    slopes: FloatArray | None


def _column(lower: FloatArray, upper: FloatArray, warp: OutputWarp | None) -> _Column:
    knots = np.empty(0) if warp is None else warp.knots
    edges, places = np.unique(np.concatenate([lower, upper, knots]), return_inverse=True)
    slopes = None
    if warp is not None:
        slopes = np.append(1.0, warp.slopes)[np.searchsorted(knots, edges, side="right")]
    return _Column(edges, places[: len(lower)], places[len(lower) : 2 * len(lower)], slopes)


def undominated_boxes(
    front: FloatArray, *, reference: FloatArray, warps: Mapping[int, OutputWarp] | None = None
) -> Boxes:
    """Cut the undominated space into boxes: O(n) of them for two objectives, O(n^2) for three.

    Args:
        front: (n, m) losses; dominated rows, and rows beyond the reference, change nothing.
        reference: (m,) the worst corner that counts.
        warps: of the columns whose scale is warped.
    """
    inside = front[(front < reference).all(axis=1)]
    inside = np.unique(inside[front_mask(inside)], axis=0) if len(inside) else inside
    if len(reference) == 2:
        lower, upper = _stairs(inside, reference)
    else:
        corners = np.array(_cut(inside, reference)).reshape(-1, 2, len(reference))
        lower, upper = corners[:, 0], corners[:, 1]
    return Boxes(lower, upper, warps or {})


def _stairs(front: FloatArray, reference: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what `_cut` returns of two objectives: one box before each point, and the last."""
    # Along the last objective the first one falls, since no point dominates another.
    falling = front[np.argsort(front[:, 1])]
    upper = np.column_stack(
        [np.append(reference[0], falling[:, 0]), np.append(falling[:, 1], reference[1])]
    )
    lower = np.column_stack([np.full(len(upper), -np.inf), np.append(-np.inf, falling[:, 1])])
    return lower, upper


def _cut(front: FloatArray, reference: FloatArray) -> list[tuple[list[float], list[float]]]:
    """Slice along the last objective; each slice is the same problem with one objective less."""
    num_objectives = len(reference)
    if num_objectives == 1:
        best = float(min(front[:, 0].min(initial=np.inf), reference[0]))
        return [([-np.inf], [best])]
    levels = np.unique(front[:, -1]).tolist()
    edges = [-np.inf, *levels, float(reference[-1])]
    corners = []
    for low, high in pairwise(edges):
        below = front[front[:, -1] <= low, :-1]
        if len(below):
            below = np.unique(below[front_mask(below)], axis=0)
        for lower, upper in _cut(below, reference[:-1]):
            corners.append(([*lower, low], [*upper, high]))
    return corners


def expected_hypervolume_improvement(
    boxes: Boxes, *, mean: FloatArray, sd: FloatArray
) -> FloatArray:
    """Return the expected gain in hypervolume of each candidate.

    Args:
        boxes: of the current front.
        mean: (n, m) expected losses; the exact ones where known.
        sd: (n, m) standard deviations; 0 where known exactly.

    Returns:
        (n,) gains, at least 0.
    """
    gain = np.ones((len(mean), len(boxes.lower)))
    for index, column in enumerate(boxes.columns):
        below = _expected_below(column.edges, mean[:, index], sd[:, index])
        if column.slopes is not None:
            below = _straightened(below, column.slopes)
        gain *= np.maximum(below[:, column.upper] - below[:, column.lower], 0.0)
    return np.asarray(gain.sum(axis=1))


def chance_within(bounds: FloatArray, *, mean: FloatArray, sd: FloatArray) -> FloatArray:
    """Return the probability (n,) that a candidate is better than all bounds.

    Args:
        bounds: (m,) losses; infinite where there is none.
        mean: (n, m) expected losses.
        sd: (n, m) standard deviations; 0 where known exactly.
    """
    columns = np.isfinite(bounds)
    room = bounds[columns] - mean[:, columns]
    return np.asarray(ndtr(room / np.maximum(sd[:, columns], 1e-12)).prod(axis=1))


def _expected_below(edges: FloatArray, mean: FloatArray, sd: FloatArray) -> FloatArray:
    """Return E[(edge - Y)+] (n, edges) for Y normal, or known where sd is 0."""
    is_endless = np.isneginf(edges)
    room = np.where(is_endless, 0.0, edges)[None, :] - mean[:, None]
    if sd.any():
        spread = np.maximum(sd, 1e-12)[:, None]
        z = room / spread
        density = -0.5 * z
        density *= z
        np.exp(density, out=density)
        density /= np.sqrt(2.0 * np.pi)
        expected = ndtr(z)
        expected *= z
        expected += density
        expected *= spread
        room = np.where(sd[:, None] > 0.0, expected, room)
    np.maximum(room, 0.0, out=room)
    room[:, is_endless] = 0.0
    return np.asarray(room)


def _straightened(below: FloatArray, slopes: FloatArray) -> FloatArray:
    """Return E[(h(edge) - h(Y))+] (n, edges), in original lengths h, from the same in warped ones.

    It is the integral of P(Y < u) h'(u) up to the edge: the steps between places with one slope,
    times that slope.
    """
    steps = np.diff(below, axis=1, prepend=0.0)
    steps[:, 1:] *= slopes[:-1]
    return np.asarray(np.cumsum(steps, axis=1))
