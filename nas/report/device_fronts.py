"""fronts.png: one front for each device and for size, side by side, and how good predictions are.

A search for several devices trains each network once; which networks are best differs from device
to device. Each panel has the front of its own two objectives, with a bar as long as the error that
predictions for that device usually have.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nas.device.device import OURS, KnownDevice
from nas.metric import device_of
from nas.objective import Objective
from nas.report.page_parts import Cell, PageTable, Row, Section
from nas.report.plots import Drawn, draw_panel, new_figure
from nas.report.style import FRONT_COLOUR, save_figure, set_titles
from nas.report.values import counted, format_value, heading_of
from nas.trial import TrialRecord

_HEADINGS = (
    *("predicted", "from", "median error", "within 10 %", "rank correlation"),
    *("9 of 10 at most longer by", "median error of MACs alone", "threads"),
)
_MACS_ALONE = "multiply-accumulates alone"


@dataclass(frozen=True)
class DevicesSection(Section):
    """How good the predictions are, and the fronts side by side.

    Attributes:
        table: a row for each metric on a device.
        picture: of the fronts, as a data address; empty where nothing stands on a front.
        alt: what the picture shows, for screen readers.
    """

    table: PageTable = field(kw_only=True)
    picture: str = ""
    alt: str = ""


def has_devices(objectives: Sequence[Objective]) -> bool:
    """Say whether an objective is predicted for a device."""
    return any(device_of(objective.metric) for objective in objectives)


def write_fronts_png(
    records: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    devices: Mapping[str, KnownDevice],
    *,
    name: str,
    path: Path,
) -> None:
    """Draw the fronts of each device and of size beside each other; nothing without a front."""
    content = _picture(records, objectives, devices, name=name)
    if content is not None:
        save_figure(content, path)


def section_of_devices(
    records: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    devices: Mapping[str, KnownDevice],
    *,
    name: str,
) -> DevicesSection | None:
    """Return the section of the page; None for a run that predicts for no device."""
    rows = [_row(metric, n, known) for n, known in devices.items() for metric in known.models]
    if not rows:
        return None
    figure = _picture(records, objectives, devices, name=name)
    picture = ""
    if figure is not None:
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=120)
        picture = f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
    return DevicesSection(
        "devices.html",
        "Devices",
        table=PageTable(_HEADINGS, rows, "Predictions for devices"),
        picture=picture,
        alt="The front for each device and for size, side by side",
    )


def _row(metric: str, device: str, known: KnownDevice) -> Row:
    ours = known.errors[metric][OURS]
    rival = known.errors[metric].get(_MACS_ALONE)
    return Row(
        [
            Cell(f"{metric}@{device}"),
            Cell(counted(len(known.models[metric].times), "network")),
            Cell(f"{ours.median_error:.1%}", ours.median_error, is_number=True),
            Cell(f"{ours.share_close:.0%}", ours.share_close, is_number=True),
            Cell(f"{ours.rank_correlation:.3f}", ours.rank_correlation, is_number=True),
            Cell(f"{ours.high_error:.1%}", ours.high_error, is_number=True),
            Cell("–" if rival is None else f"{rival.median_error:.1%}", is_number=True),
            Cell(known.measured.get("threads", "–"), is_number=True),
        ]
    )


def _picture(
    records: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    devices: Mapping[str, KnownDevice],
    *,
    name: str,
) -> Figure | None:
    measured = [objective for objective in objectives if not objective.is_static]
    static = [objective for objective in objectives if objective.is_static]
    if len(measured) != 1 or not static:
        return None
    quality = measured[0]
    figure = new_figure(4.6 * len(static), 4.8)
    for place, cost in enumerate(static, start=1):
        drawn = Drawn(records, (quality, cost))
        if not drawn.front:
            return None
        axes = figure.add_subplot(1, len(static), place)
        draw_panel(axes, drawn, cost, quality)
        axes.set_title(f"front: {counted(len(drawn.front), 'network')}", loc="left", fontsize=9)
        _draw_error(axes, drawn, cost, quality, devices)
    words = " and ".join(heading_of(cost.metric) for cost in static)
    set_titles(figure, name, f"{heading_of(quality.metric)} against {words}, each by itself")
    return figure


def _draw_error(
    axes: Axes,
    drawn: Drawn,
    cost: Objective,
    quality: Objective,
    devices: Mapping[str, KnownDevice],
) -> None:
    """Draw a bar as long as the median error of predictions through each member of a front."""
    named = device_of(cost.metric)
    if named is None or named[1] not in devices:
        return
    error = devices[named[1]].errors[named[0]][OURS].median_error
    costs, qualities = drawn.values(cost, drawn.front), drawn.values(quality, drawn.front)
    axes.errorbar(
        costs, qualities, xerr=[error * value for value in costs], fmt="none",
        ecolor=FRONT_COLOUR, alpha=0.45, elinewidth=1.2, zorder=3.5,
        label=f"median error of predictions, {format_value('accuracy', error)}",
    )  # fmt: skip
    handles, words = axes.get_legend_handles_labels()
    axes.legend(handles[-1:], words[-1:], loc="lower right", frameon=False, fontsize=8)
