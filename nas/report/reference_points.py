"""What a search is compared with, in the picture, the table and a line; never among its trials."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from nas.objective import Objective
from nas.record.references import HAND_MADE, TRIVIAL, Reference
from nas.report.page_parts import Cell, PageTable, Row, Section, TableSection
from nas.report.style import GROUP_COLOURS, TEXT_COLOUR
from nas.report.values import format_value, heading_of, scaled
from nas.trial import TrialRecord

_LEAD = (
    "No trials: trivial models say from where on accuracy is worth something, and hand-made "
    "networks, trained like a trial, say what the search gained."
)
_METRICS = ("accuracy", "size_bytes", "num_macs")
_COLOUR = GROUP_COLOURS[2]
# Of the axes: what the name of a trivial model takes.
_NAME_WIDTH, _NAME_HEIGHT = 0.35, 0.06
_ROOM = 0.05  # of an axis, beyond the outermost reference


def draw_references(
    axes: Axes,
    references: Sequence[Reference],
    x: Objective,
    y: Objective,
    *,
    points: Sequence[tuple[float, float]] = (),
) -> None:
    """Draw trivial models as lines and hand-made ones as points, and make room for them.

    Args:
        axes: whose limits are set.
        references: all of them; those that do not know `y` are left out.
        x: what lies across.
        y: what goes upwards.
        points: of the trials, as they are drawn; names are put where fewer of them lie.
    """
    known = [r for r in references if not math.isnan(r.value(y.metric))]
    for reference in known:
        value = scaled(y.metric, reference.value(y.metric))
        if reference.kind == TRIVIAL:
            axes.axhline(value, color=_COLOUR, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1.2)
            across, side = (
                (0.995, "right") if _is_free_at_right(axes, value, points) else (0.005, "left")
            )
            axes.annotate(
                reference.name, (across, value), xycoords=("axes fraction", "data"),
                xytext=(0, 2), textcoords="offset points", ha=side, va="bottom", fontsize=7.5,
                color=_COLOUR,
            )  # fmt: skip
        _make_room(axes, value, is_x=False)
    made = [r for r in known if r.kind == HAND_MADE and not math.isnan(r.value(x.metric))]
    if made:
        xs = [scaled(x.metric, r.value(x.metric)) for r in made]
        ys = [scaled(y.metric, r.value(y.metric)) for r in made]
        axes.scatter(xs, ys, s=42, marker="s", color=_COLOUR, edgecolors="white", zorder=4,
                     label="hand-made network")  # fmt: skip
        for reference, across, up in zip(made, xs, ys, strict=True):
            _make_room(axes, across, is_x=True)
            axes.annotate(
                reference.name, (across, up), xytext=(0, -7), textcoords="offset points",
                ha="center", va="top", fontsize=7.5, color=TEXT_COLOUR, zorder=6,
            )  # fmt: skip


def _is_free_at_right(axes: Axes, value: float, points: Sequence[tuple[float, float]]) -> bool:
    """Say whether a name above a line hides no more points at the right end than at the left."""
    if not points:
        return True
    places = axes.transAxes.inverted().transform(axes.transData.transform(np.array(points)))
    corner = axes.transData.transform((axes.get_xlim()[0], value))
    level = axes.transAxes.inverted().transform(corner)[1]
    # Steps of a front go up through the line at the size of a member.
    ordered = places[np.argsort(places[:, 0])]
    highest = np.maximum.accumulate(ordered[:, 1])
    goes_through = (np.r_[-np.inf, highest[:-1]] < level + _NAME_HEIGHT) & (highest > level)
    places = np.concatenate(
        [places, np.c_[ordered[goes_through, 0], np.full(goes_through.sum(), level)]]
    )
    near = places[np.abs(places[:, 1] - level - _NAME_HEIGHT / 2) < _NAME_HEIGHT]
    return int((near[:, 0] > 1 - _NAME_WIDTH).sum()) <= int((near[:, 0] < _NAME_WIDTH).sum())


def _make_room(axes: Axes, value: float, *, is_x: bool) -> None:
    low, high = axes.get_xlim() if is_x else axes.get_ylim()
    if low < value < high or (value <= 0.0 and _is_log(axes, is_x=is_x)):
        return
    # The other end moves, too: the edge of a small range is too near for a point in a large one.
    if _is_log(axes, is_x=is_x):
        factor = (high / low) ** _ROOM * 1.15  # its name is written below its middle
        low, high = min(low / factor, value / factor), max(high * factor, value * factor)
    else:
        room = _ROOM * (max(high, value) - min(low, value))
        low, high = min(low - room, value - room), max(high + room, value + room)
    (axes.set_xlim if is_x else axes.set_ylim)(low, high)


def _is_log(axes: Axes, *, is_x: bool) -> bool:
    return bool((axes.get_xscale() if is_x else axes.get_yscale()) == "log")


def section_of_references(
    references: Sequence[Reference], front: Sequence[TrialRecord]
) -> Section | None:
    """Return the page's section on what a search is compared with; None for nothing."""
    if not references:
        return None
    headings, *lines = reference_table(references, front)
    rows = [Row([Cell(text) for text in line]) for line in lines]
    return TableSection(
        "titled_table.html",
        "Compared with",
        table=PageTable(headings, rows, "What the search is compared with"),
        lead=_LEAD,
    )


def reference_table(
    references: Sequence[Reference], front: Sequence[TrialRecord]
) -> list[list[str]]:
    """Return a head and a line for each reference, the last cell what the search has instead.

    That is the smallest member of the front that is no less accurate.
    """
    head = ["", *map(heading_of, _METRICS), "smallest network found that is at least as accurate"]
    return [head, *([*_cells(r), _rival(r, front)] for r in references)]


def _cells(reference: Reference) -> list[str]:
    return [reference.name, *(format_value(m, reference.value(m)) for m in _METRICS)]


def _rival(reference: Reference, front: Sequence[TrialRecord]) -> str:
    wanted = reference.accuracy
    better = [r for r in front if r.metrics.get("accuracy", -1.0) >= wanted]
    least = min(better, key=lambda r: r.metrics.get("size_bytes", math.inf), default=None)
    if least is None:
        return "none"
    size = format_value("size_bytes", least.metrics.get("size_bytes"))
    return f"{size} (trial {least.number})"


def references_line(references: Sequence[Reference]) -> str:
    """Return one line on what the search is compared with; empty for nothing."""
    told = [
        f"{r.name} {format_value('accuracy', r.accuracy)}"
        + (f" at {format_value('size_bytes', r.size_bytes)}" if r.kind == HAND_MADE else "")
        for r in references
    ]
    return f"Compared with: {'; '.join(told)}." if told else ""
