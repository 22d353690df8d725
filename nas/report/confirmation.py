"""finish.png: the front as the search saw it, and as it is.

Each winner stands twice, at its size: hollow with the validation accuracy of the search, filled
with the mean test accuracy of its retrainings and the 95 % interval of that mean; or with what
else a task of the user's measures. The gap between
the two is the optimism of the search. Made from winners.csv alone.
"""

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nas.metric import Direction, describe_metric, is_share
from nas.record.winners import WinnerRow
from nas.report.size_plot import draw_staircase, end_picture, label_points, new_picture
from nas.report.style import (
    FRONT_COLOUR,
    GROUP_COLOURS,
    KNEE_COLOUR,
    TRIAL_COLOUR,
    save_for_paper,
)
from nas.report.values import counted, format_value, scaled, three_digits

_TOLD_POINTS = 2.0  # what few test examples hide is told from so many percentage points on
_BASELINE_COLOUR = GROUP_COLOURS[2]


def write_finish_png(rows: Sequence[WinnerRow], *, name: str, path: Path) -> None:
    """Draw the confirmed front of the run called `name` into `path`."""
    save_for_paper(plot_confirmed(rows, name=name), path)


def plot_confirmed(rows: Sequence[WinnerRow], *, name: str) -> Figure:
    """Return the picture, titled with the run's name and the mean optimism."""
    figure, axes = new_picture([row.size_bytes for row in rows])
    winners = [row for row in rows if not row.is_baseline]
    beaten = [row for row in winners if row.beaten_by]
    kept = [row for row in winners if not row.beaten_by]
    searched = [row for row in winners if not math.isnan(row.search_value)]
    metric = rows[0].metric if rows else "accuracy"
    _draw_search(axes, searched)
    _draw_staircase(axes, kept, [row.test_mean for row in kept], colour=FRONT_COLOUR)
    for chosen, colour, marker, label in (
        (kept, FRONT_COLOUR, "o", "winner, test"),
        (beaten, KNEE_COLOUR, "X", "beaten by a smaller one (test)"),
        ([r for r in rows if r.is_baseline], _BASELINE_COLOUR, "s", "baseline, test"),
    ):
        _draw_test(axes, chosen, colour=colour, marker=marker, label=label)
    end_picture(
        figure,
        axes,
        metric=metric,
        values=[scaled(metric, value) for row in rows for value in _drawn(row)],
        titles=(f"{name}: confirmed", optimism_line(rows)),
    )
    points = [(row.size_bytes, scaled(metric, row.test_mean)) for row in winners]
    label_points(figure, axes, points, [row.name.removeprefix("trial ") for row in winners])
    return figure


def optimism_line(rows: Sequence[WinnerRow]) -> str:
    """Return one line: how many winners and retrainings, and by how much the search was off."""
    winners = [row for row in rows if not row.is_baseline]
    gaps = [row.optimism for row in winners if not math.isnan(row.optimism)]
    if not gaps:
        return counted(len(winners), "winner")
    gap = sum(gaps) / len(gaps)
    seeds = sum(row.num_seeds for row in winners)
    beaten = sum(bool(row.beaten_by) for row in winners)
    mean = "on average " if len(gaps) > 1 else ""
    told = f"{counted(len(winners), 'winner')}, {counted(seeds, 'retraining')}  ·  {mean}"
    told += f"{_gap_told(winners[0].metric, gap)} in the test than in the search's validation"
    if beaten:
        told += f"  ·  {beaten} beaten, by more than chance, by a network of no more bytes"
    return told


def chance_line(rows: Sequence[WinnerRow]) -> str | None:
    """Return one line on what a share may come to on as many other test examples; None if hardly.

    Both tests are chance, so their difference varies by the square root of two as much as one.
    """
    shares = [row for row in rows if not math.isnan(row.sampling_std)]
    row = max(shares, key=lambda r: r.sampling_std, default=None)
    points = 0.0 if row is None else 196.0 * math.sqrt(2.0) * row.sampling_std
    if row is None or points < _TOLD_POINTS:
        return None
    low, high = (100 * row.test_mean + sign * points for sign in (-1, 1))
    return (
        f"The test has few examples: on as many others {row.name} could have "
        f"{max(low, 0):.0f} to {min(high, 100):.0f} % (95 % interval)."
    )


def _gap_told(metric: str, gap: float) -> str:
    if is_share(metric):
        return f"{100 * abs(gap):.2f} points {'lower' if gap >= 0 else 'higher'}"
    return f"{three_digits(abs(gap))} of {metric} {'worse' if gap >= 0 else 'better'}"


def confirmation_table(rows: Sequence[WinnerRow]) -> list[list[str]]:
    """Return a head and a line of text for each row, for people.

    What one training of each cannot tell, such as a spread, has no column then.
    """
    head = ["network", "size", "validation", "test", "± spread", "95 %: mean", "95 %: one more"]
    return with_content([[*head, "trainings", "beaten by"], *map(_line, rows)])


def with_content(lines: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return a table, head first, without the columns of which no line says anything.

    >>> with_content([["a", "b"], ["1", "–"], ["2", "–"]])
    [['a'], ['1'], ['2']]
    """
    head, *rows = lines
    kept = [
        place
        for place in range(len(head))
        if not rows or any(row[place] not in ("", "–") for row in rows)
    ]
    return [[line[place] for place in kept] for line in lines]


def distillation_table(rows: Sequence[WinnerRow], taught: Sequence[WinnerRow]) -> list[list[str]]:
    """Return a head and a line for each student: without and with its teacher, at the same size.

    The noise is that of the difference of two means: their 95 % intervals, added in squares.
    """
    alone = {row.architecture_id: row for row in rows}
    head = ["network", "size", "retrained", "distilled", "gained", "noise"]
    return [head, *(_gain_line(alone[row.architecture_id], row) for row in taught)]


def _gain_line(alone: WinnerRow, taught: WinnerRow) -> list[str]:
    halves = [(row.confidence_high - row.confidence_low) / 2 for row in (alone, taught)]
    return [
        taught.name,
        format_value("size_bytes", taught.size_bytes),
        format_value(alone.metric, alone.test_mean),
        format_value(alone.metric, taught.test_mean),
        _gain_told(alone.metric, taught.test_mean - alone.test_mean),
        "–" if math.isnan(sum(halves)) else f"± {_unsigned(alone.metric, math.hypot(*halves))}",
    ]


def _gain_told(metric: str, rise: float) -> str:
    """Return by how much a value got better, above zero where it did."""
    is_maximised = describe_metric(metric).direction is Direction.MAXIMIZE
    gain = rise if is_maximised else -rise
    sign, unit = "-" if gain < 0 else "+", " points" if is_share(metric) else ""
    return f"{sign}{_unsigned(metric, abs(gain))}{unit}"


def _unsigned(metric: str, value: float) -> str:
    return f"{100 * value:.2f}" if is_share(metric) else f"{value:.3f}"


def _line(row: WinnerRow) -> list[str]:
    return [
        row.name,
        format_value("size_bytes", row.size_bytes),
        format_value(row.metric, row.search_value),
        format_value(row.metric, row.test_mean),
        _plain(row.metric, row.test_std),
        _range(row.metric, row.confidence_low, row.confidence_high),
        _range(row.metric, row.prediction_low, row.prediction_high),
        str(row.num_seeds),
        row.beaten_by or "–",
    ]


def _plain(metric: str, value: float) -> str:
    """Return a number without its unit."""
    if math.isnan(value):
        return "–"
    return f"{100 * value:.2f}" if is_share(metric) else three_digits(value)


def _range(metric: str, low: float, high: float) -> str:
    return "–" if math.isnan(low) else f"{_plain(metric, low)} to {_plain(metric, high)}"


def _draw_search(axes: Axes, rows: Sequence[WinnerRow]) -> None:
    if not rows:
        return
    sizes = [row.size_bytes for row in rows]
    found = [scaled(row.metric, row.search_value) for row in rows]
    tested = [scaled(row.metric, row.test_mean) for row in rows]
    axes.vlines(
        sizes, found, tested, color=TRIAL_COLOUR, linewidth=0.8, linestyles="dotted", zorder=2,
    )  # fmt: skip
    _draw_staircase(axes, rows, [row.search_value for row in rows], colour=TRIAL_COLOUR)
    axes.scatter(
        sizes, found, s=30, facecolors="white", edgecolors=TRIAL_COLOUR, zorder=3,
        label="winner, as the search saw it (validation)",
    )  # fmt: skip


def _draw_staircase(
    axes: Axes, rows: Sequence[WinnerRow], values: Sequence[float], *, colour: str
) -> None:
    if rows:
        metric, sizes = rows[0].metric, [row.size_bytes for row in rows]
        drawn = [scaled(metric, value) for value in values]
        draw_staircase(axes, sizes, drawn, metric=metric, colour=colour)


def _drawn(row: WinnerRow) -> list[float]:
    """Return all values that are drawn of a row."""
    values = (row.search_value, row.test_mean, row.confidence_low, row.confidence_high)
    return [value for value in values if not math.isnan(value)]


def _draw_test(
    axes: Axes, rows: Sequence[WinnerRow], *, colour: str, marker: str, label: str
) -> None:
    if not rows:
        return
    metric = rows[0].metric
    if not any(_gap(metric, row.confidence_high, row.confidence_low) for row in rows):
        axes.plot(
            [row.size_bytes for row in rows], [scaled(metric, row.test_mean) for row in rows],
            marker, color=colour, markersize=6, markeredgecolor="white", zorder=4, label=label,
        )  # fmt: skip
        return
    errors = [
        [_gap(metric, row.test_mean, row.confidence_low) for row in rows],
        [_gap(metric, row.confidence_high, row.test_mean) for row in rows],
    ]
    axes.errorbar(
        [row.size_bytes for row in rows], [scaled(metric, row.test_mean) for row in rows],
        yerr=errors, fmt=marker,
        color=colour, markersize=6, markeredgecolor="white", elinewidth=1.2, capsize=2.5, zorder=4,
        label=label,
    )  # fmt: skip


def _gap(metric: str, high: float, low: float) -> float:
    return 0.0 if math.isnan(high - low) else max(0.0, scaled(metric, high - low))
