"""How every picture looks: colours that all eyes can tell apart, axes in people's units.

The colours are those of Okabe and Ito (2008, "Color Universal Design"). Figures are made without
pyplot, so no window, no global state and no display is ever needed.
"""

import io
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from matplotlib.transforms import BboxBase

from nas.files import write_bytes
from nas.metric import Direction, describe_metric, is_count
from nas.objective import Objective
from nas.report.values import axis_title, label_of, scaled

FRONT_COLOUR = "#0072B2"
KNEE_COLOUR = "#D55E00"
TRIAL_COLOUR = "#9AA3AD"
TEXT_COLOUR = "#222A33"
FAINT_COLOUR = "#6B7580"
GRID_COLOUR = "#E6E9ED"
GROUP_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

_DPI = 300  # what journals ask for
_WIDE_RANGE = 50.0  # a measured quantity that spans more than this factor gets a log axis


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all; characters without a glyph become boxes."""
    write_bytes(path, _drawn(figure, "png"))


def save_for_paper(figure: Figure, path: Path) -> None:
    """Write a figure as PNG and beside it as SVG, which any size prints sharply."""
    save_figure(figure, path)
    with rc_context({"svg.hashsalt": "nas"}):  # the same figure is the same file
        write_bytes(path.with_suffix(".svg"), _drawn(figure, "svg", metadata={"Date": None}))


def _drawn(figure: Figure, kind: str, **how: Any) -> bytes:
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(content, format=kind, dpi=_DPI, **how)
    return content.getvalue()


def prepare_axes(axes: Axes) -> None:
    """Give axes the common look: no box, a light grid behind everything."""
    axes.set_axisbelow(True)
    axes.grid(visible=True, color=GRID_COLOUR, linewidth=0.8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(TRIAL_COLOUR)
    axes.tick_params(which="both", colors=FAINT_COLOUR, labelsize=9, length=3)
    axes.tick_params(which="minor", length=0)


def set_titles(figure: Figure, title: str, subtitle: str) -> None:
    """Write a bold title and a faint line below it; text is never read as a formula."""
    figure.suptitle(
        title, x=0.012, y=0.985, ha="left", va="top", fontsize=13, fontweight="bold",
        color=TEXT_COLOUR, parse_math=False,
    )  # fmt: skip
    line = 0.27 / figure.get_figheight()  # inches below the title
    figure.text(
        0.012, 0.985 - line, subtitle, ha="left", va="top", fontsize=9.5, color=FAINT_COLOUR,
        parse_math=False,
    )  # fmt: skip


def write_free(
    axes: Axes, text: str, point: tuple[float, float], *, taken: list[BboxBase], **how: Any
) -> None:
    """Write beside a point, unless that would lie over one of the places that are taken.

    Args:
        axes: whose layout is settled, since labels need places in pixels.
        text: to write.
        point: beside which.
        taken: places of what is written already; this one is added.
        how: more of `Axes.annotate`.
    """
    label = axes.annotate(text, point, textcoords="offset points", fontsize=8.5, zorder=6, **how)
    place = label.get_window_extent()
    if any(place.overlaps(other) for other in taken):
        label.remove()
    else:
        taken.append(place)


def decades_of(objective: Objective, values: Sequence[float]) -> float | None:
    """Return how many powers of ten values span, or None where a linear axis suits them.

    Minimised counts get a log axis, and so does whatever else is minimised and spans a wide range.
    """
    if objective.direction is not Direction.MINIMIZE or not values or min(values) <= 0:
        return None
    factor = max(values) / min(values)
    return math.log10(factor) if is_count(objective.metric) or factor > _WIDE_RANGE else None


def scale_axis(
    axis: Axis, axes: Axes, objective: Objective, *, decades: float | None, num_ticks: int = 9
) -> None:
    """Title and scale one axis; bytes read 200 kB, 1 MB.

    Args:
        axis: the x or y axis of `axes`.
        axes: what is drawn into.
        objective: what the axis shows.
        decades: powers of ten that a log axis spans; None for a linear one.
        num_ticks: labelled ticks that have room.
    """
    name = objective.metric
    is_x = axis is axes.xaxis
    axis.set_label_text(label_of(name) if is_count(name) else axis_title(name))
    axis.label.set(color=TEXT_COLOUR, fontsize=10, parse_math=False)
    if decades is not None:
        (axes.set_xscale if is_x else axes.set_yscale)("log")
        fine = (1.0, 2.0, 5.0) if 3 * decades <= num_ticks else (1.0,)
        axis.set_major_locator(LogLocator(base=10, subs=fine, numticks=12))
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 2.5, 5, 10]))
    if is_count(name) or decades is not None:
        axis.set_major_formatter(FuncFormatter(lambda value, _: tick_text(name, value)))


def tick_text(metric: str, value: float) -> str:
    """Return a tick's words: a round number with its prefix and unit.

    >>> tick_text("size_bytes", 2e5), tick_text("num_params", 1e6), tick_text("latency_ms", 0.5)
    ('200 kB', '1 M', '0.5')
    """
    if not math.isfinite(value):
        return ""
    if is_count(metric):
        unit = describe_metric(metric).unit
        for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
            if abs(value) >= factor:
                return f"{value / factor:g} {prefix}{unit}"
        return f"{value:g} {unit}".rstrip()
    return f"{value:g}"


def plain_values(objective: Objective, values: Sequence[float]) -> list[float]:
    """Return an objective's values as drawn: percent for shares."""
    return [scaled(objective.metric, value) for value in values]
