"""What finish.png and files.png share: bytes across, what is judged upwards, a legend below.

Accuracies of a front may span from a guess to nearly all; on a plain axis the differences among
the good ones, and their error bars, would be thinner than a line. Where that is so, the axis is
stretched towards 100 %.
"""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import BboxBase

from nas.metric import Direction, is_share
from nas.objective import objective_for
from nas.pareto.dominance import FloatArray
from nas.report.style import (
    FRONT_COLOUR,
    TEXT_COLOUR,
    decades_of,
    prepare_axes,
    scale_axis,
    set_titles,
    write_free,
)
from nas.report.values import axis_title

_HEIGHT_IN, _HEAD_IN = 5.4, 0.62  # of the picture, and above the axes, for the titles
_ROOM = 1.2  # factor between the outermost sizes and the ends of their axis, at least
_STRETCH = 8.0  # where the worst is so many times as often wrong as the best, the axis stretches
_LEAST = 0.2  # percent of errors that the stretched axis can still tell apart
_TICKS = (0, 50, 80, 90, 95, 98, 99, 99.5, 100)


def new_picture(sizes: Sequence[float]) -> tuple[Figure, Axes]:
    """Return an empty picture whose first axis suits these bytes."""
    below = (0.0, 0.0, 1.0, 1.0 - _HEAD_IN / _HEIGHT_IN)
    layout = ConstrainedLayoutEngine(rect=below, w_pad=0.12, h_pad=0.08)
    figure = Figure(figsize=(8.0, _HEIGHT_IN), layout=layout, facecolor="white")
    axes = figure.add_subplot()
    prepare_axes(axes)
    size = objective_for("size_bytes")
    decades = decades_of(size, sizes)
    scale_axis(axes.xaxis, axes, size, decades=decades)
    if decades is not None:  # by hand: a single size spans nothing, which errorbar divides by
        room = max(_ROOM, 10 ** (0.06 * decades))
        axes.set_xlim(min(sizes) / room, max(sizes) * room)
    return figure, axes


def end_picture(
    figure: Figure, axes: Axes, *, metric: str, values: Sequence[float], titles: tuple[str, str]
) -> None:
    """Scale and title what was drawn.

    Args:
        figure: of `new_picture`.
        axes: of `new_picture`.
        metric: what is judged.
        values: all that were drawn, as drawn.
        titles: a bold one and a faint one below it.
    """
    if is_share(metric):
        _stretch(axes, values)
    for drawn in (*axes.lines, *axes.collections):  # a marker at 100 % is drawn whole
        drawn.set_clip_on(False)
    words = axis_title(metric).removeprefix("validation ")
    axes.set_ylabel(words, color=TEXT_COLOUR, fontsize=10, parse_math=False)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower left", ncols=min(3, len(labels)), frameon=False,
        fontsize=9, labelcolor=TEXT_COLOUR, columnspacing=1.4, handletextpad=0.4,
    )  # fmt: skip
    set_titles(figure, *titles)


def draw_staircase(
    axes: Axes, sizes: Sequence[float], values: Sequence[float], *, metric: str, colour: str
) -> None:
    """Draw the best value of at most each size; a value that is no better adds no step."""
    is_up = objective_for(metric).direction is Direction.MAXIMIZE
    order = sorted(range(len(sizes)), key=lambda index: sizes[index])
    best = (np.maximum if is_up else np.minimum).accumulate([values[index] for index in order])
    axes.plot(
        [sizes[index] for index in order], best, drawstyle="steps-post", color=colour,
        linewidth=1.1, alpha=0.6, zorder=2,
    )  # fmt: skip


def label_points(
    figure: Figure, axes: Axes, points: Sequence[tuple[float, float]], names: Sequence[str]
) -> None:
    """Write a name beside each point, but none over another one."""
    figure.draw_without_rendering()  # settles the layout: labels need places in pixels
    taken: list[BboxBase] = []
    for point, name in zip(points, names, strict=True):
        write_free(
            axes, name, point, taken=taken, xytext=(6, -3), ha="left", va="top",
            color=FRONT_COLOUR,
        )  # fmt: skip


def _stretch(axes: Axes, values: Sequence[float]) -> None:
    """Stretch an axis of percent towards 100, where the values are far apart in their errors."""
    errors = [max(_LEAST, 100.0 - value) for value in values if not math.isnan(value)]
    if not errors or max(errors) < _STRETCH * min(errors):
        low, high = axes.get_ylim()
        axes.set_ylim(max(0.0, low), min(100.0, high))
        return
    axes.set_yscale("function", functions=(_to_nines, _from_nines))
    low, high = min(values), max(values)
    margin = 0.06 * float(np.ptp(_to_nines(np.array([low, high]))))
    ends = _from_nines(_to_nines(np.array([low, high])) + np.array([-margin, margin]))
    axes.set_ylim(max(0.0, float(ends[0])), min(100.0, float(ends[1])))
    axes.set_yticks(_TICKS, [f"{tick:g}" for tick in _TICKS])
    axes.set_ylim(max(0.0, float(ends[0])), min(100.0, float(ends[1])))
    axes.minorticks_off()


def _to_nines(percent: FloatArray) -> FloatArray:
    found: FloatArray = -np.log10(_LEAST + 100.0 - np.clip(percent, None, 100.0))
    return found


def _from_nines(place: FloatArray) -> FloatArray:
    found: FloatArray = _LEAST + 100.0 - 10.0 ** (-np.asarray(place))
    return found
