"""front.png: what was tried, what stands on the front, and where the knee is.

Two objectives give one picture, the front a staircase: the best that a network of at most that
size reached. Three and more give a panel for each pair, one alone its course over the trials.
Trials that were stopped early are drawn apart, since they had less training than the others.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import BboxBase

from nas.metric import Direction
from nas.objective import Objective, losses
from nas.record.references import Reference
from nas.report.front import (
    Floors,
    comparable_records,
    front_records,
    knee_record,
    leading_objective,
)
from nas.report.outliers import axis_range
from nas.report.reference_points import draw_references
from nas.report.style import (
    FAINT_COLOUR,
    FRONT_COLOUR,
    KNEE_COLOUR,
    TEXT_COLOUR,
    TRIAL_COLOUR,
    decades_of,
    plain_values,
    prepare_axes,
    save_for_paper,
    scale_axis,
    set_titles,
    write_free,
)
from nas.report.values import counted, format_value
from nas.trial import TrialRecord, TrialState, trainings

_MOST_SHAPES = 2000  # points that an SVG has one by one; more are one picture in it
_HEAD_IN = 0.62  # inches above the axes, for the titles


def write_front_png(
    records: Sequence[TrialRecord],
    *,
    objectives: Sequence[Objective],
    name: str,
    path: Path,
    references: Sequence[Reference] = (),
    floors: Floors = (),
) -> None:
    """Draw the front of the run called `name`, with its references, into a PNG and an SVG."""
    figure = plot_front(records, objectives, name=name, references=references, floors=floors)
    save_for_paper(figure, path)


def plot_front(
    records: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    *,
    name: str,
    references: Sequence[Reference] = (),
    floors: Floors = (),
) -> Figure:
    """Return the picture of a front, titled with the run's name and its numbers of trials."""
    drawn = Drawn(records, objectives, references, floors)
    if not drawn.front:
        figure = new_figure(8.0, 5.4)
        _say_nothing_yet(figure)
    elif len(objectives) == 1:
        figure = new_figure(8.0, 5.4)
        _draw_course(figure.add_subplot(), drawn)
    elif len(objectives) == 2:
        figure = new_figure(8.0, 5.4)
        _draw_staircase(figure, drawn)
    else:
        figure = _draw_pairs(drawn)
    set_titles(figure, name, summary_line(records, drawn.front))
    return figure


class Drawn:
    """The records of a picture, sorted by what is drawn how.

    Attributes:
        objectives: what is made better.
        complete: trials that may stand on the front.
        stopped: trials that were stopped early, with finite objectives.
        front: the front, smallest first.
        knee: its knee, or None.
        references: what the search is compared with.
    """

    def __init__(
        self,
        records: Sequence[TrialRecord],
        objectives: Sequence[Objective],
        references: Sequence[Reference] = (),
        floors: Floors = (),
    ) -> None:
        self.objectives, self.references = tuple(objectives), tuple(references)
        self.complete = comparable_records(records, objectives)
        self.stopped = [
            record
            for record in records
            if record.state is TrialState.STOPPED and losses(objectives, record.metrics)
        ]
        self.front = front_records(records, objectives)
        self.knee = knee_record(self.front, objectives, floors=floors)

    def values(self, objective: Objective, records: Iterable[TrialRecord]) -> list[float]:
        """Return one objective of some records, in the unit that is drawn."""
        return plain_values(objective, [record.metrics[objective.metric] for record in records])


def summary_line(records: Sequence[TrialRecord], front: Sequence[TrialRecord]) -> str:
    """Return how many trials ended how, and how many stand on the front."""
    trained = trainings(records)
    counts = {state: sum(r.state is state for r in trained) for state in TrialState}
    parts = [f"{count} {state.value}" for state, count in counts.items() if count]
    inner = f" ({', '.join(parts)})" if len(parts) > 1 else ""
    num_variants = len(records) - len(trained)
    variants = f" and {counted(num_variants, 'variant')} of their networks" if num_variants else ""
    return f"{counted(len(trained), 'trial')}{inner}{variants}  ·  {len(front)} on the front"


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, in inches, with room for titles above."""
    below_titles = (0.0, 0.0, 1.0, 1.0 - _HEAD_IN / height)
    layout = ConstrainedLayoutEngine(rect=below_titles, w_pad=0.12, h_pad=0.08, wspace=0.03)
    return Figure(figsize=(width, height), layout=layout, facecolor="white")


def _say_nothing_yet(figure: Figure) -> None:
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.text(
        0.5, 0.5, "No trial has been trained in full yet.", ha="center", va="center",
        fontsize=12, color=FAINT_COLOUR,
    )  # fmt: skip


def _draw_staircase(figure: Figure, drawn: Drawn) -> None:
    lead = leading_objective(drawn.objectives)
    other = next(objective for objective in drawn.objectives if objective is not lead)
    axes = figure.add_subplot()
    _draw_trials(axes, drawn, lead, other)
    xs, ys = (drawn.values(objective, drawn.complete) for objective in (lead, other))
    draw_references(axes, drawn.references, lead, other, points=list(zip(xs, ys, strict=True)))
    _draw_stairs(axes, drawn, lead, other)
    _draw_knee(axes, drawn, lead, other)
    _legend_below(figure, *axes.get_legend_handles_labels())
    figure.draw_without_rendering()  # settles the layout: labels need places in pixels
    _label_members(axes, drawn, lead, other)


def draw_panel(axes: Axes, drawn: Drawn, x: Objective, y: Objective) -> None:
    """Draw trials and the front of two objectives, without numbers and without a knee."""
    _draw_trials(axes, drawn, x, y)
    _draw_stairs(axes, drawn, x, y)


def _draw_trials(axes: Axes, drawn: Drawn, x: Objective, y: Objective) -> None:
    prepare_axes(axes)
    members = {record.number for record in drawn.front}
    beaten = [record for record in drawn.complete if record.number not in members]
    if beaten:
        axes.scatter(
            drawn.values(x, beaten), drawn.values(y, beaten), s=18, color=TRIAL_COLOUR,
            alpha=0.55, linewidths=0, label="other trials", zorder=2,
            rasterized=len(beaten) > _MOST_SHAPES,
        )  # fmt: skip
    if drawn.stopped:
        axes.scatter(
            drawn.values(x, drawn.stopped), drawn.values(y, drawn.stopped), s=16, marker="x",
            color=TRIAL_COLOUR, alpha=0.55, linewidths=0.9, label="stopped early", zorder=1.5,
        )  # fmt: skip
    shown = [*drawn.complete, *drawn.stopped]
    for axis, objective in ((axes.xaxis, x), (axes.yaxis, y)):
        decades = decades_of(objective, drawn.values(objective, shown))
        room = 9 if len(drawn.objectives) == 2 else 6
        scale_axis(axis, axes, objective, decades=decades, num_ticks=room)
    _set_limits(axes, drawn, x, y)


def _set_limits(axes: Axes, drawn: Drawn, x: Objective, y: Objective) -> None:
    """Frame all trials, but let a few bad outliers lie outside, and say how many."""
    told = []
    for objective, is_x in ((x, True), (y, False)):
        values = np.asarray(drawn.values(objective, [*drawn.complete, *drawn.stopped]))
        low, high = axis_range(objective, values.tolist(), drawn.values(objective, drawn.front))
        (axes.set_xlim if is_x else axes.set_ylim)(low, high)
        outside = int(((values < low) | (values > high)).sum())
        is_low = objective.direction is Direction.MAXIMIZE
        places = ("left of", "right of") if is_x else ("below", "above")
        if outside:
            words = "1 trial lies" if outside == 1 else f"{outside} trials lie"
            told.append(f"{words} {places[0] if is_low else places[1]} the picture")
    if told:
        axes.set_title(", ".join(told), loc="right", fontsize=8, color=FAINT_COLOUR, pad=14)


def _draw_stairs(axes: Axes, drawn: Drawn, x: Objective, y: Objective) -> None:
    xs, ys = drawn.values(x, drawn.front), drawn.values(y, drawn.front)
    far = axes.get_xlim()[1 if x.direction is Direction.MINIMIZE else 0]
    floor = axes.get_ylim()[0 if y.direction is Direction.MAXIMIZE else 1]
    axes.plot(
        [xs[0], *xs, far], [floor, *ys, ys[-1]], drawstyle="steps-post", color=FRONT_COLOUR,
        linewidth=1.4, alpha=0.75, zorder=3,
    )  # fmt: skip
    axes.fill_between(
        [*xs, far], [*ys, ys[-1]], floor, step="post", color=FRONT_COLOUR, alpha=0.06, linewidth=0,
        zorder=1,
    )  # fmt: skip
    axes.scatter(
        xs, ys, s=34, color=FRONT_COLOUR, edgecolors="white", linewidths=0.8, zorder=4,
        label="front (number: trial)",
    )  # fmt: skip


def _draw_knee(axes: Axes, drawn: Drawn, x: Objective, y: Objective) -> None:
    if drawn.knee is None or len(drawn.front) == 1:
        return
    words = ", ".join(format_value(o.metric, drawn.knee.metrics[o.metric]) for o in (y, x))
    axes.scatter(
        drawn.values(x, [drawn.knee]), drawn.values(y, [drawn.knee]), s=95, marker="D",
        color=KNEE_COLOUR, edgecolors="white", linewidths=1.0, zorder=5,
        label=f"knee: trial {drawn.knee.number}, {words}",
    )  # fmt: skip


def _label_members(axes: Axes, drawn: Drawn, x: Objective, y: Objective) -> None:
    """Write trial numbers beside members: knee and ends first, and none over another."""
    ends = (drawn.front[0], drawn.front[-1])
    ordered = sorted(
        drawn.front, key=lambda r: (r is not drawn.knee, all(r is not end for end in ends))
    )
    is_up = y.direction is Direction.MAXIMIZE
    taken: list[BboxBase] = []
    for record in ordered:
        is_knee = record is drawn.knee and len(drawn.front) > 1
        write_free(
            axes,
            str(record.number),
            (drawn.values(x, [record])[0], drawn.values(y, [record])[0]),
            taken=taken, xytext=(-5, 4 if is_up else -4), ha="right",
            va="bottom" if is_up else "top", color=KNEE_COLOUR if is_knee else FRONT_COLOUR,
            fontweight="bold" if is_knee else "normal",
        )  # fmt: skip


def _draw_pairs(drawn: Drawn) -> Figure:
    lead = leading_objective(drawn.objectives)
    ordered = [lead, *(o for o in drawn.objectives if o is not lead)]
    pairs = list(combinations(ordered, 2))
    columns = min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    figure = new_figure(4.3 * columns, 4.0 * rows + _HEAD_IN)
    for place, (x, y) in enumerate(pairs, start=1):
        axes = figure.add_subplot(rows, columns, place)
        _draw_trials(axes, drawn, x, y)
        axes.scatter(
            drawn.values(x, drawn.front), drawn.values(y, drawn.front), s=30, color=FRONT_COLOUR,
            edgecolors="white", linewidths=0.7, zorder=4, label="front (of all objectives)",
        )  # fmt: skip
        _draw_knee(axes, drawn, x, y)
        if place == 1 and axes.get_legend_handles_labels()[0]:
            handles, words = axes.get_legend_handles_labels()
            words = [
                text.partition(",")[0] for text in words
            ]  # two values of the knee are not all
            _legend_below(figure, handles, words)
    return figure


def _legend_below(figure: Figure, handles: list[Artist], words: list[str]) -> None:
    """Put the legend where it covers nothing."""
    figure.legend(
        handles, words, loc="outside lower left", frameon=False, fontsize=9,
        ncols=len(words) if len(words) <= 4 else 3,
        labelcolor=TEXT_COLOUR, columnspacing=1.4, handletextpad=0.4,
    )  # fmt: skip


def _draw_course(axes: Axes, drawn: Drawn) -> None:
    (objective,) = drawn.objectives
    prepare_axes(axes)
    ordered = sorted(drawn.complete, key=lambda record: record.number)
    numbers = [record.number for record in ordered]
    values = drawn.values(objective, ordered)
    running = np.maximum if objective.direction is Direction.MAXIMIZE else np.minimum
    axes.scatter(numbers, values, s=18, color=TRIAL_COLOUR, alpha=0.6, linewidths=0, label="trial")
    axes.step(
        numbers, running.accumulate(values), where="post", color=FRONT_COLOUR, linewidth=1.6,
        label="best so far",
    )  # fmt: skip
    best = drawn.front[0]
    axes.scatter(
        [best.number], drawn.values(objective, [best]), s=95, marker="D", color=KNEE_COLOUR,
        edgecolors="white", zorder=5,
        label=f"best: trial {best.number}, "
        f"{format_value(objective.metric, best.metrics[objective.metric])}",
    )  # fmt: skip
    axes.set_xlabel("trial", color=TEXT_COLOUR)
    scale_axis(axes.yaxis, axes, objective, decades=decades_of(objective, values))
    axes.legend(loc="best", frameon=False, fontsize=9, labelcolor=TEXT_COLOUR)
