"""How does a front look in characters? A small picture for a terminal, an axis on two sides."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from nas.metric import Direction, describe_metric, is_count, is_share
from nas.objective import Objective
from nas.report.front import leading_objective
from nas.report.values import format_value, heading_of
from nas.trial import TrialRecord

Point: TypeAlias = tuple[float, float]

FRONT_MARK, BEATEN_MARK = "●", "·"
MIN_HEIGHT = 6  # lines below which a picture says nothing; two of them are the axis and its words
_MIN_WIDTH = 30
_MIN_BETWEEN = 6  # rows from which on the middle has a label
_LEAST_LACK = 5e-4  # 100 % has no logarithm
_MAX_WIDTH, _MAX_HEIGHT = 76, 16


@dataclass(frozen=True)
class Axes:
    """The two metrics of a picture: across and up."""

    across: str
    up: str

    @classmethod
    def of(cls, objectives: Sequence[Objective]) -> "Axes | None":
        """Return size and the first other objective; None where there is but one objective."""
        if len(objectives) < 2:
            return None
        across = leading_objective(objectives)
        return cls(across.metric, next(o.metric for o in objectives if o is not across))

    def point(self, record: TrialRecord) -> Point | None:
        """Return where a trial stands; None where a value is not known."""
        values = [record.metrics.get(name, math.nan) for name in (self.across, self.up)]
        return (values[0], values[1]) if all(map(math.isfinite, values)) else None


class _Spacing(Enum):
    """By what the values of an axis are spaced."""

    VALUE = "value"
    LOGARITHM = "logarithm"
    LACK = "lack"  # the logarithm of what a share lacks to 1: 99 % and 99.5 % are far apart

    def place(self, value: float) -> float:
        """Return where a value stands."""
        if self is _Spacing.LOGARITHM:
            return math.log(value)
        return -math.log(max(_LEAST_LACK, 1 - value)) if self is _Spacing.LACK else value

    def value_at(self, place: float) -> float:
        """Return the value that stands at a place."""
        if self is _Spacing.LOGARITHM:
            return math.exp(place)
        return 1 - math.exp(-place) if self is _Spacing.LACK else place


@dataclass(frozen=True)
class _Scale:
    """An axis: a value's cell among some.

    Attributes:
        metric: what the values are.
        low: the lowest value.
        high: the highest value.
        num_cells: characters along it.
    """

    metric: str
    low: float
    high: float
    num_cells: int

    @property
    def spacing(self) -> _Spacing:
        """By what it is spaced."""
        if is_count(self.metric) and self.low > 0:
            return _Spacing.LOGARITHM
        is_lacking = describe_metric(self.metric).direction is Direction.MAXIMIZE
        return _Spacing.LACK if is_share(self.metric) and is_lacking else _Spacing.VALUE

    def cell(self, value: float) -> int | None:
        """Return the cell of a value, from 0; None outside of the axis."""
        if not self.low <= value <= self.high:
            return None
        low, high, at = map(self.spacing.place, (self.low, self.high, value))
        share = 0.5 if high == low else (at - low) / (high - low)
        return min(self.num_cells - 1, int(share * self.num_cells))

    def label(self, cell: int) -> str:
        """Return the value in the middle of a cell; at the ends, the end."""
        if cell in (0, self.num_cells - 1):
            return format_value(self.metric, self.high if cell else self.low)
        low, high = map(self.spacing.place, (self.low, self.high))
        place = low + (cell + 0.5) / self.num_cells * (high - low)
        return format_value(self.metric, self.spacing.value_at(place))


def scatter_lines(
    front: Sequence[Point],
    beaten: Sequence[Point] = (),
    *,
    axes: Axes,
    width: int,
    height: int,
) -> list[str]:
    """Return the lines of a picture; none where there is no room or nothing to see.

    The axes reach over the front alone, so that one bad trial does not stretch them; what lies
    outside is not drawn. Counts and bytes are spaced by their logarithm, shares such as accuracy
    by the logarithm of what they lack to 100 %.

    Args:
        front: across and up of each member.
        beaten: the same of other trials.
        axes: what the values are.
        width: characters that a line may have.
        height: lines that there may be.
    """
    height = min(height, _MAX_HEIGHT)
    if height < MIN_HEIGHT or width < _MIN_WIDTH or len(set(front)) < 2:
        return []
    xs, ys = zip(*front, strict=True)
    up = _Scale(axes.up, min(ys), max(ys), num_cells=height - 2)
    names = _row_names(up)
    margin = max(map(len, names))
    across = _Scale(axes.across, min(xs), max(xs), num_cells=min(width, _MAX_WIDTH) - margin - 2)
    cells = [[" "] * across.num_cells for _ in names]
    for mark, points in ((BEATEN_MARK, beaten), (FRONT_MARK, front)):
        for x, y in points:
            column, row = across.cell(x), up.cell(y)
            if column is not None and row is not None:
                cells[row][column] = mark
    lines = [
        f"{name:>{margin}} {'┤' if name else '│'}{''.join(row)}".rstrip()
        for name, row in zip(names, cells, strict=True)
    ]
    rule = f"{'':>{margin}} └{'─' * across.num_cells}"
    return [*reversed(lines), rule, f"{'':>{margin}}  {_axis_words(across)}"]


def _row_names(scale: _Scale) -> list[str]:
    """Return the words beside each row, the lowest first: both ends, and the middle if it fits."""
    last = scale.num_cells - 1
    named = {0, last} | ({last // 2} if last >= _MIN_BETWEEN else set())
    return [scale.label(row) if row in named else "" for row in range(scale.num_cells)]


def _axis_words(scale: _Scale) -> str:
    low, high = scale.label(0), scale.label(scale.num_cells - 1)
    room = scale.num_cells - len(low) - len(high)
    return f"{low}{heading_of(scale.metric):^{room}}{high}"
