"""finish.png: the front as the search saw it, and as it is.

Each winner stands twice, at its size: hollow with the validation accuracy of the search, filled
with the mean test accuracy of its retrainings and the 95 % interval of that mean. The gap between
the two is the optimism of the search. Made from winners.csv alone.
"""

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nas.objective import objective_for
from nas.record.artefacts import ArtefactRow
from nas.record.winners import WinnerRow
from nas.report.style import (
    FRONT_COLOUR,
    GROUP_COLOURS,
    KNEE_COLOUR,
    TEXT_COLOUR,
    TRIAL_COLOUR,
    decades_of,
    prepare_axes,
    save_figure,
    scale_axis,
    set_titles,
)
from nas.report.values import format_value

_BASELINE_COLOUR = GROUP_COLOURS[2]
_HEAD = 0.12  # share of the height that the titles take


def write_finish_png(rows: Sequence[WinnerRow], *, name: str, path: Path) -> None:
    """Draw the confirmed front of the run called `name` into `path`."""
    save_figure(plot_confirmed(rows, name=name), path)


def plot_confirmed(rows: Sequence[WinnerRow], *, name: str) -> Figure:
    """Return the picture, titled with the run's name and the mean optimism."""
    figure = Figure(figsize=(8.0, 5.2), facecolor="white")
    axes = figure.add_subplot()
    figure.subplots_adjust(left=0.09, right=0.98, bottom=0.11, top=1 - _HEAD)
    prepare_axes(axes)
    winners = [row for row in rows if not row.is_baseline]
    size = objective_for("size_bytes")
    scale_axis(axes.xaxis, axes, size, decades=decades_of(size, [r.size_bytes for r in rows]))
    _draw_search(axes, [row for row in winners if not math.isnan(row.search_accuracy)])
    for chosen, colour, marker, label in (
        ([r for r in winners if not r.beaten_by], FRONT_COLOUR, "o", "winner, test"),
        (
            [r for r in winners if r.beaten_by],
            KNEE_COLOUR,
            "X",
            "off the front by more than the noise, test",
        ),
        ([r for r in rows if r.is_baseline], _BASELINE_COLOUR, "s", "baseline, test"),
    ):
        _draw_test(axes, chosen, colour=colour, marker=marker, label=label)
    axes.set_ylabel("accuracy (%)", color=TEXT_COLOUR, fontsize=10)
    axes.legend(
        loc="lower right", frameon=True, framealpha=0.9, edgecolor="none", fontsize=9,
        labelcolor=TEXT_COLOUR,
    )  # fmt: skip
    set_titles(figure, f"{name}: confirmed", optimism_line(rows))
    return figure


def optimism_line(rows: Sequence[WinnerRow]) -> str:
    """Return one line: how many winners and retrainings, and by how much the search was off."""
    winners = [row for row in rows if not row.is_baseline]
    gaps = [row.optimism for row in winners if not math.isnan(row.optimism)]
    if not gaps:
        return f"{len(winners)} winners"
    gap = sum(gaps) / len(gaps)
    word = "above" if gap >= 0 else "below"
    seeds = sum(row.num_seeds for row in winners)
    beaten = sum(bool(row.beaten_by) for row in winners)
    return (
        f"{len(winners)} winners, {seeds} retrainings  ·  the search was "
        f"{100 * abs(gap):.2f} points {word} the test on average  ·  {beaten} off the front"
    )


def confirmation_table(rows: Sequence[WinnerRow]) -> list[list[str]]:
    """Return a head and a line of text for each row, for people."""
    head = ["network", "size", "search", "test", "± std", "95 % of mean", "95 % of next"]
    return [[*head, "seeds", "beaten by"], *map(_line, rows)]


def distillation_table(rows: Sequence[WinnerRow], taught: Sequence[WinnerRow]) -> list[list[str]]:
    """Return a head and a line for each student: without and with its teacher, at the same size.

    The noise is that of the difference of two means: their 95 % intervals, added in squares.
    """
    alone = {row.architecture_id: row for row in rows}
    head = ["network", "size", "retrained", "distilled", "points gained", "noise"]
    return [head, *(_gain_line(alone[row.architecture_id], row) for row in taught)]


def _gain_line(alone: WinnerRow, taught: WinnerRow) -> list[str]:
    halves = [(row.confidence_high - row.confidence_low) / 2 for row in (alone, taught)]
    return [
        taught.name,
        format_value("size_bytes", taught.size_bytes),
        format_value("accuracy", alone.test_accuracy),
        format_value("accuracy", taught.test_accuracy),
        f"{100 * (taught.test_accuracy - alone.test_accuracy):+.2f}",
        "–" if math.isnan(sum(halves)) else f"± {100 * math.hypot(*halves):.2f}",
    ]


def artefact_table(rows: Sequence[ArtefactRow]) -> list[list[str]]:
    """Return a head and a line of text for each file, for people; not why one is refused."""
    head = ["file", "weights", "size", "test", "as torch", "1 image", "32 images", ""]
    return [head, *map(_artefact_line, rows)]


def _artefact_line(row: ArtefactRow) -> list[str]:
    return [
        row.file,
        row.variant,
        format_value("size_bytes", row.size_bytes),
        format_value("accuracy", row.accuracy),
        f"{100 * row.agreement:.1f} %",
        format_value("latency_ms", row.latency_ms),
        format_value("latency_ms", row.latency_32_ms),
        "refused" if row.refused else "",
    ]


def _line(row: WinnerRow) -> list[str]:
    return [
        row.name,
        format_value("size_bytes", row.size_bytes),
        format_value("accuracy", row.search_accuracy),
        format_value("accuracy", row.test_accuracy),
        _points(row.test_std),
        _range(row.confidence_low, row.confidence_high),
        _range(row.prediction_low, row.prediction_high),
        str(row.num_seeds),
        row.beaten_by or "–",
    ]


def _points(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.2f}"


def _range(low: float, high: float) -> str:
    return "–" if math.isnan(low) else f"{100 * low:.2f} to {100 * high:.2f}"


def _draw_search(axes: Axes, rows: Sequence[WinnerRow]) -> None:
    if not rows:
        return
    sizes = [row.size_bytes for row in rows]
    found = [100 * row.search_accuracy for row in rows]
    axes.vlines(
        sizes, found, [100 * row.test_accuracy for row in rows], color=TRIAL_COLOUR, linewidth=0.8,
        linestyles="dotted", zorder=2,
    )  # fmt: skip
    axes.plot(
        sizes, found, drawstyle="steps-post", color=TRIAL_COLOUR, linewidth=1.0, zorder=2,
    )  # fmt: skip
    axes.scatter(
        sizes, found, s=30, facecolors="white", edgecolors=TRIAL_COLOUR, zorder=3,
        label="winner, as the search saw it (validation)",
    )  # fmt: skip


def _draw_test(
    axes: Axes, rows: Sequence[WinnerRow], *, colour: str, marker: str, label: str
) -> None:
    if not rows:
        return
    means = [row.test_accuracy for row in rows]
    errors = [
        [_gap(mean, row.confidence_low) for mean, row in zip(means, rows, strict=True)],
        [_gap(row.confidence_high, mean) for mean, row in zip(means, rows, strict=True)],
    ]
    axes.errorbar(
        [row.size_bytes for row in rows], [100 * mean for mean in means], yerr=errors, fmt=marker,
        color=colour, markersize=6, markeredgecolor="white", elinewidth=1.2, capsize=2.5, zorder=4,
        label=label,
    )  # fmt: skip


def _gap(high: float, low: float) -> float:
    return 0.0 if math.isnan(high - low) else max(0.0, 100 * (high - low))
