"""The picture of a comparison: the fronts of all runs, and how their hypervolume grew.

On the left stand each group's attainment surfaces over its runs: the thick staircase is what half
of them reached at that size, the band reaches from what one reached to what all did (Grunert da
Fonseca et al. 2001, "Inferential performance assessment of stochastic optimisers and the
attainment function"). On the right the band is one standard error around the mean.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from nas.metric import Direction
from nas.objective import Objective
from nas.report.comparison import Comparison, Group, share_text
from nas.report.front import FloatArray, front_records, leading_objective
from nas.report.style import (
    GROUP_COLOURS,
    TEXT_COLOUR,
    decades_of,
    plain_values,
    prepare_axes,
    save_for_paper,
    scale_axis,
    set_titles,
)
from nas.report.values import counted
from nas.trial import TrialRecord

_HEAD_IN = 0.62  # inches above the axes, for the titles


def write_comparison_png(
    comparison: Comparison, *, title: str, path: Path, note: str = ""
) -> None:
    """Draw a comparison into `path`, and beside it as SVG."""
    save_for_paper(plot_comparison(comparison, title=title, note=note), path)


def plot_comparison(comparison: Comparison, *, title: str, note: str = "") -> Figure:
    """Return the picture; a single objective has no fronts, so only the growth is drawn.

    Args:
        comparison: what is drawn.
        title: above it.
        note: what a reader must know of the runs, or empty.
    """
    width, height = (11.5, 5.4) if len(comparison.objectives) > 1 else (7.0, 5.4)
    below = (0.0, 0.0, 1.0, 1.0 - _HEAD_IN / height)
    layout = ConstrainedLayoutEngine(rect=below, w_pad=0.12, h_pad=0.08, wspace=0.04)
    figure = Figure(figsize=(width, height), layout=layout, facecolor="white")
    num_columns = 2 if len(comparison.objectives) > 1 else 1
    if num_columns == 2:
        _draw_fronts(figure.add_subplot(1, 2, 1), comparison)
    growth_axes = figure.add_subplot(1, num_columns, num_columns)
    _draw_growth(growth_axes, comparison)
    legend = figure.legend(
        *growth_axes.get_legend_handles_labels(), loc="outside lower left", frameon=False,
        ncols=2 if num_columns == 2 else 1, fontsize=9, labelcolor=TEXT_COLOUR,
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(False)  # a dollar in a run's name is no formula
    runs = counted(sum(len(group.runs) for group in comparison.groups), "run")
    words = f"{runs}, compared after {counted(comparison.num_trials, 'trial')} each"
    set_titles(figure, title, f"{words}  ·  {note}" if note else words)
    return figure


def _draw_growth(axes: Axes, comparison: Comparison) -> None:
    prepare_axes(axes)
    for group, colour in _coloured(comparison):
        runs = counted(len(group.runs), "run")
        label = f"{group.label}: {share_text(*comparison.share(group))} ({runs})"
        marker = "o" if len(group.num_trials) == 1 else ""  # a single trial has no line
        axes.step(
            group.num_trials, group.means, where="post", color=colour, label=label, marker=marker
        )
        low, high = group.means - group.errors, group.means + group.errors
        if len(group.runs) > 1:
            axes.fill_between(
                group.num_trials, low, high, step="post", color=colour, alpha=0.18, linewidth=0
            )
    axes.set_xlabel("trials that ended", color=TEXT_COLOUR)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("hypervolume (share of all runs' front)", color=TEXT_COLOUR)


def _draw_fronts(axes: Axes, comparison: Comparison) -> None:
    lead = leading_objective(comparison.objectives)
    other = next(o for o in comparison.objectives if o is not lead)
    prepare_axes(axes)
    fronts = [
        [
            front
            for run in group.runs
            if (front := front_records(run.records, comparison.objectives))
        ]
        for group in comparison.groups
    ]
    for axis, objective in ((axes.xaxis, lead), (axes.yaxis, other)):
        members = [record for group in fronts for front in group for record in front]
        decades = decades_of(objective, _values(objective, members))
        scale_axis(axis, axes, objective, decades=decades, num_ticks=7)
    for (_, colour), shown in zip(_coloured(comparison), fronts, strict=True):
        for front in shown:
            _draw_front(axes, front, lead, other, colour, is_pair=len(comparison.objectives) == 2)
        if len(comparison.objectives) == 2 and len(shown) > 1:
            _draw_attainment(axes, shown, lead, other, colour)


def _draw_attainment(
    axes: Axes, fronts: Sequence[Sequence[TrialRecord]], x: Objective, y: Objective, colour: str
) -> None:
    """Draw what half of the runs reached, in a band from what one reached to what all did."""
    sizes, medians = median_attainment(fronts, x, y)
    axes.step(sizes, medians, where="post", color=colour, linewidth=2.2, zorder=3)
    one_sizes, one = attainment(fronts, x, y, num_runs=1)
    all_sizes, every = attainment(fronts, x, y, num_runs=len(fronts))
    shared = np.isin(one_sizes, all_sizes)  # what all reached, one has reached too
    axes.fill_between(
        all_sizes, one[shared], every, step="post", color=colour, alpha=0.15, linewidth=0
    )


def _draw_front(
    axes: Axes,
    front: Sequence[TrialRecord],
    x: Objective,
    y: Objective,
    colour: str,
    *,
    is_pair: bool,
) -> None:
    xs, ys = _values(x, front), _values(y, front)
    if is_pair:
        axes.step(xs, ys, where="post", color=colour, linewidth=0.8, alpha=0.3)
    axes.scatter(xs, ys, s=9, color=colour, alpha=0.55, linewidths=0)


def median_attainment(
    fronts: Sequence[Sequence[TrialRecord]], x: Objective, y: Objective
) -> tuple[FloatArray, FloatArray]:
    """Return what half of the runs reached; with an even number half and one more."""
    return attainment(fronts, x, y, num_runs=len(fronts) // 2 + 1)


def attainment(
    fronts: Sequence[Sequence[TrialRecord]], x: Objective, y: Objective, *, num_runs: int
) -> tuple[FloatArray, FloatArray]:
    """Return what so many of the runs reached in `y` at each place of `x`, as drawn.

    Args:
        fronts: of two objectives, smallest first in `x`.
        x: the leading objective.
        y: the other one.
        num_runs: from 1, for what any of them reached, to all of them.

    Returns:
        Places of `x`, from the first where so many runs have a point, and the best `y` there.
    """
    places = np.unique([x.loss(value) for front in fronts for value in _values(x, front)])
    reached = np.full((len(fronts), len(places)), np.inf)
    for row, front in enumerate(fronts):
        starts = np.searchsorted(places, [x.loss(value) for value in _values(x, front)])
        reached[row, starts] = [y.loss(value) for value in _values(y, front)]
    best = np.sort(np.minimum.accumulate(reached, axis=1), axis=0)
    reached_by = best[num_runs - 1]
    known = np.isfinite(reached_by)
    return _unsigned(x, places[known]), _unsigned(y, reached_by[known])


def _unsigned(objective: Objective, losses: FloatArray) -> FloatArray:
    return -losses if objective.direction is Direction.MAXIMIZE else losses


def _values(objective: Objective, records: Sequence[TrialRecord]) -> list[float]:
    return plain_values(objective, [record.metrics[objective.metric] for record in records])


def _coloured(comparison: Comparison) -> list[tuple[Group, str]]:
    return [
        (group, GROUP_COLOURS[i % len(GROUP_COLOURS)]) for i, group in enumerate(comparison.groups)
    ]
