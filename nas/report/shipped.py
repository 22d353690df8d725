"""files.png and its table: one front over (architecture x compression), in bytes of the file.

Every file that `nas finish` made stands at its bytes on disk and at what it is worth on the test
split, by itself. The staircase is the best file of at most that size; beside a
point stands the number of its trial. Made from artefacts.csv
alone.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from nas.metric import Direction
from nas.objective import losses, objective_for
from nas.pareto.dominance import front_mask
from nas.record.artefacts import ArtefactRow
from nas.report.size_plot import draw_staircase, end_picture, label_points, new_picture
from nas.report.style import GROUP_COLOURS, TRIAL_COLOUR, save_for_paper
from nas.report.values import format_value, scaled

_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def front_files(rows: Sequence[ArtefactRow]) -> list[ArtefactRow]:
    """Return the files than which no other is both no larger and no worse, smallest first.

    Refused files take no part. Of files that are alike in both, all stay.
    """
    shipped = [row for row in rows if not row.refused]
    if not shipped:
        return []
    objectives = [objective_for("size_bytes"), objective_for(shipped[0].metric)]
    table = [
        losses(objectives, {"size_bytes": row.size_bytes, row.metric: row.test_value})
        for row in shipped
    ]
    mask = front_mask(np.asarray(table, dtype=float))
    members = [row for row, is_member in zip(shipped, mask, strict=True) if is_member]
    return sorted(members, key=lambda row: row.size_bytes)


def artefact_table(rows: Sequence[ArtefactRow]) -> list[list[str]]:
    """Return a head and a line of text for each file, for people; not why one is refused."""
    members = {row.file for row in front_files(rows)}
    head = ["file", "weights", "size", "test", "lost", "same answers", "1 at once", "32 at once"]
    return [[*head, ""], *(_line(row, is_member=row.file in members) for row in rows)]


FILES_LEGEND = (
    "lost: how much worse the file is in the test than the torch model that it was made of "
    "(accuracies in points). same answers: share of the test's examples that it answers as that "
    "model does. 1 and 32 at once: time for so many examples. ◆: no other file is both no larger "
    "and no worse."
)


def write_files_png(rows: Sequence[ArtefactRow], *, name: str, path: Path) -> None:
    """Draw the files of the run called `name` into `path`; nothing where none was made."""
    if any(not row.refused for row in rows):
        save_for_paper(plot_files(rows, name=name), path)


def plot_files(rows: Sequence[ArtefactRow], *, name: str) -> Figure:
    """Return the picture; at least one file must not be refused."""
    shipped = [row for row in rows if not row.refused]
    members, metric = front_files(rows), shipped[0].metric
    figure, axes = new_picture([float(row.size_bytes) for row in shipped])
    draw_staircase(
        axes, [row.size_bytes for row in members], _values(members), metric=metric,
        colour=TRIAL_COLOUR,
    )  # fmt: skip
    for index, kind in enumerate(dict.fromkeys(row.format for row in shipped)):
        ours = [row for row in shipped if row.format == kind]
        axes.scatter(
            [row.size_bytes for row in ours], _values(ours),
            s=[52 if row in members else 26 for row in ours], edgecolors="white", linewidths=0.7,
            color=GROUP_COLOURS[index % len(GROUP_COLOURS)], label=kind, zorder=3,
            marker=_MARKERS[index % len(_MARKERS)],
        )  # fmt: skip
    titles = (f"{name}: files", files_line(rows))
    end_picture(figure, axes, metric=metric, values=_values(shipped), titles=titles)
    axes.set_ylabel(f"test {axes.get_ylabel()}")
    ordered = [*members, *(row for row in shipped if row not in members)]
    sizes = [float(row.size_bytes) for row in ordered]
    points = list(zip(sizes, _values(ordered), strict=True))
    label_points(figure, axes, points, list(map(_label, ordered)))
    return figure


def files_line(rows: Sequence[ArtefactRow]) -> str:
    """Return one line: how many files, how many of them on the front, and who stands there."""
    members = front_files(rows)
    refused = sum(bool(row.refused) for row in rows)
    kinds = ", ".join(dict.fromkeys(row.format for row in members))
    end = f"  ·  {refused} refused" if refused else ""
    return f"{len(rows) - refused} files, {len(members)} on the front: {kinds}{end}"


def _label(row: ArtefactRow) -> str:
    """Return what stands beside a point: the trial's number, and how its weights came about."""
    number = row.name.removeprefix("trial ")
    return number if row.variant == "retrained" else f"{number} {row.variant}"


def _values(rows: Sequence[ArtefactRow]) -> list[float]:
    return [scaled(row.metric, row.test_value) for row in rows]


def _line(row: ArtefactRow, *, is_member: bool) -> list[str]:
    lost = scaled(row.metric, row.torch_value) - scaled(row.metric, row.test_value)
    if objective_for(row.metric).direction is Direction.MINIMIZE:
        lost = -lost
    return [
        row.file,
        row.variant,
        format_value("size_bytes", row.size_bytes or None),
        format_value(row.metric, row.test_value),
        "–" if math.isnan(lost) else f"{round(lost, 2) + 0.0:.2f}",  # not "-0.00"
        format_value("accuracy", row.agreement),
        format_value("latency_ms", row.latency_ms),
        format_value("latency_ms", row.latency_32_ms),
        "refused" if row.refused else "◆" if is_member else "",
    ]
