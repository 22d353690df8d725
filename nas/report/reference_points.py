"""What a search is compared with, in the picture, the table and a line; never among its trials."""

import math
from collections.abc import Sequence

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
_ROOM = 0.05  # of an axis, beyond the outermost reference


def draw_references(
    axes: Axes, references: Sequence[Reference], x: Objective, y: Objective
) -> None:
    """Draw trivial models as lines and hand-made ones as points, and make room for them.

    Args:
        axes: whose limits are set.
        references: all of them; those that do not know `y` are left out.
        x: what lies across.
        y: what goes upwards.
    """
    known = [r for r in references if not math.isnan(r.value(y.metric))]
    for reference in known:
        value = scaled(y.metric, reference.value(y.metric))
        if reference.kind == TRIVIAL:
            axes.axhline(value, color=_COLOUR, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1.2)
            axes.annotate(
                reference.name, (0.995, value), xycoords=("axes fraction", "data"),
                xytext=(0, 2), textcoords="offset points", ha="right", va="bottom", fontsize=7.5,
                color=_COLOUR,
            )  # fmt: skip
        _make_room(axes, value, is_x=False)
    points = [r for r in known if r.kind == HAND_MADE and not math.isnan(r.value(x.metric))]
    if points:
        xs = [scaled(x.metric, r.value(x.metric)) for r in points]
        ys = [scaled(y.metric, r.value(y.metric)) for r in points]
        axes.scatter(xs, ys, s=42, marker="s", color=_COLOUR, edgecolors="white", zorder=4,
                     label="hand-made network")  # fmt: skip
        for reference, across, up in zip(points, xs, ys, strict=True):
            _make_room(axes, across, is_x=True)
            axes.annotate(
                reference.name, (across, up), xytext=(0, -7), textcoords="offset points",
                ha="center", va="top", fontsize=7.5, color=TEXT_COLOUR, zorder=6,
            )  # fmt: skip


def _make_room(axes: Axes, value: float, *, is_x: bool) -> None:
    low, high = axes.get_xlim() if is_x else axes.get_ylim()
    if low < value < high or (value <= 0.0 and _is_log(axes, is_x=is_x)):
        return
    if _is_log(axes, is_x=is_x):
        factor = (high / low) ** _ROOM * 1.15  # its name is written below its middle
        low, high = min(low, value / factor), max(high, value * factor)
    else:
        room = _ROOM * (max(high, value) - min(low, value))
        low, high = min(low, value - room), max(high, value + room)
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
    head = ["", *map(heading_of, _METRICS), "the search, no less accurate"]
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
