"""The sections of the page, each a function from the run to what is shown; None leaves it out.

`SECTIONS` is the page's order. A new section is one more function there.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nas.report import finished
from nas.report.charts import drawable_metrics
from nas.report.content import Report
from nas.report.cost import search_cost
from nas.report.curations import section_of_curations
from nas.report.curves import curves_section
from nas.report.front import knee_record
from nas.report.influence import importance_section, traits_section
from nas.report.inheritance import inheritance_line
from nas.report.limits import limits_line
from nas.report.page_parts import (
    Axis,
    AxisMetric,
    Cell,
    ChartSection,
    FactsSection,
    PageTable,
    Row,
    Section,
    TableSection,
    TextSection,
)
from nas.report.reference_points import section_of_references
from nas.report.slots import slots_section
from nas.report.tables import metric_columns, shorten_groups, split_shared
from nas.report.time_use import time_use
from nas.report.values import format_duration, format_value, heading_of, label_of
from nas.trial import TrialRecord, TrialState

MOST_ROWS = 2000  # trials in the page; all are in trials.csv
_MOST_NUMBERS = 12  # trials named per kind of failure


def front_chart(report: Report) -> Section:
    """Return the interactive picture of the front, with a choice of axes."""
    if not any(r.state in (TrialState.COMPLETE, TrialState.STOPPED) for r in report.records):
        return ChartSection("front_chart.html", "Front")
    metrics = drawable_metrics(report.records, report.objectives)
    return ChartSection(
        "front_chart.html",
        "Front",
        axes=(Axis("x", 0), Axis("y", min(1, len(metrics) - 1))),
        metrics=[AxisMetric(metric, label_of(metric)) for metric in metrics],
        has_stopped=any(record.state is TrialState.STOPPED for record in report.records),
    )


def front_section(report: Report) -> Section | None:
    """Return the table of the front, smallest first."""
    if not report.front:
        return None
    metrics = metric_columns(report.front, report.objectives)
    knee = knee_record(report.front, report.objectives, floors=report.floors)
    shared, own = split_shared([record.architecture for record in report.front])
    rows = []
    for record, words in zip(report.front, own, strict=True):
        is_knee = record is knee and len(report.front) > 1
        mark, style = ("◆ ", "knee-mark") if is_knee else ("", "")
        number = Cell(
            f"{mark}{record.number}", float(record.number), is_number=True, style=style,
            link="#card",
        )  # fmt: skip
        cells = [number]
        cells += [_metric_cell(metric, record) for metric in metrics]
        cells.append(Cell(record.origin + shorten_groups(words), style="words"))
        if report.weights:
            link = report.weights.get(record.number, "")
            cells.append(Cell("weights" if link else "", link=link))
        rows.append(Row(cells, f"front-{record.number}", "knee" if is_knee else ""))
    headings = ["trial", *map(heading_of, metrics), "architecture"]
    headings += ["weights"] if report.weights else []
    notes = [f"In all of them: {shorten_groups(shared)}."] if shared else []
    notes += ["◆ is the knee."] if len(report.front) > 1 else []
    notes += filter(None, [limits_line(report.records, report.front, report.limits)])
    title = "The front, smallest first"
    return TableSection(
        "titled_table.html",
        title,
        table=PageTable(headings, rows, title),
        lead=inheritance_line(report.records, is_retrained=bool(report.winners)) or "",
        note=" ".join(notes),
    )


def winners_section(report: Report) -> Section | None:
    """Return what `nas finish` found out about the winners."""
    return finished.winners_section(report.winners)


def files_section(report: Report) -> Section | None:
    """Return the files that `nas finish` made."""
    return finished.files_section(report.files)


def sizes_section(report: Report) -> Section | None:
    """Return the sizes of a network in memory and in each file."""
    return finished.sizes_section(report.winners, report.files)


def importances(report: Report) -> Section | None:
    """Return which parameters matter."""
    return importance_section(report.records, report.objectives)


def shared_traits(report: Report) -> Section | None:
    """Return what the members of the front have in common."""
    return traits_section(report.records, report.objectives, report.front)


def slots_timeline(report: Report) -> Section | None:
    """Return which slot ran which trial when."""
    return slots_section(report.records)


def cost_section(report: Report) -> Section | None:
    """Return what the search took and what it did not have to spend."""
    if not report.records:
        return None
    cost = search_cost(report.records, report.spent)
    told = [cost.describe(), cost.energy() if math.isnan(cost.spent.joules) else ""]
    return TextSection("paragraph.html", "What it cost", text=" ".join(told).strip())


def references_section(report: Report) -> Section | None:
    """Return what the search is compared with."""
    return section_of_references(report.references, report.front)


def curations_section(report: Report) -> Section | None:
    """Return what better data gave at each size."""
    return section_of_curations(report.records, report.objectives, report.curations)


def learning_curves(report: Report) -> Section | None:
    """Return the picture of trials that trained in steps."""
    return curves_section(report.records, report.objectives)


def devices_section(report: Report) -> Section | None:
    """Return how good predictions for devices are, and the fronts side by side."""
    if not report.devices:
        return None
    # Imported here: drawing takes a second to load, which most pages save.
    from nas.report.device_fronts import section_of_devices

    return section_of_devices(report.records, report.objectives, report.devices, name=report.name)


def growth_section(report: Report) -> Section | None:
    """Return the chart of the dominated volume over the trials."""
    if not report.front:
        return None
    return Section("growth_chart.html", "Progress")


def time_section(report: Report) -> Section | None:
    """Return where the time of the trials went, and how busy the slots were."""
    use = time_use(report.records)
    if not use.parts_s:
        return None
    return TableSection(
        "titled_table.html", "Where the time went", table=use.table(), note=use.describe()
    )


def failures_section(report: Report) -> Section | None:
    """Return the failures by kind, each with its most frequent message."""
    groups: dict[str, list[TrialRecord]] = defaultdict(list)
    for record in report.records:
        if record.failure is not None:
            groups[record.failure.kind.value].append(record)
    if not groups:
        return None
    rows = []
    for kind, failed in sorted(groups.items(), key=lambda item: -len(item[1])):
        messages = Counter(r.failure.message for r in failed if r.failure is not None)
        message, count = messages.most_common(1)[0]
        others = f" (and {len(messages) - 1} other messages)" if len(messages) > 1 else ""
        numbers = ", ".join(str(record.number) for record in failed[:_MOST_NUMBERS])
        rows.append(
            Row(
                [
                    Cell(kind.replace("_", " ")),
                    Cell(str(len(failed)), float(len(failed)), is_number=True),
                    Cell(f"{count} × {message}{others}", style="words"),
                    Cell(numbers + (", …" if len(failed) > _MOST_NUMBERS else "")),
                ]
            )
        )
    headings = ["kind", "trials", "most frequent message", "numbers"]
    table = PageTable(headings, rows, "Failures by kind")
    return TableSection("titled_table.html", "Failures", table=table)


def trials_section(report: Report) -> Section | None:
    """Return the table of all trials, the latest first where they are too many."""
    if not report.records:
        return None
    metrics = metric_columns(report.records, report.objectives)
    newest = sorted(report.records, key=lambda record: record.number)[-MOST_ROWS:]
    has_relatives = any(record.has_inherited for record in report.records)
    rows = [_trial_row(record, metrics, has_relatives) for record in newest]
    headings = ["trial", "state", *map(heading_of, metrics), "time"]
    headings += ["started from trial"] if has_relatives else []
    headings.append("architecture or failure")
    note = (
        f"The last {MOST_ROWS:,} of {len(report.records):,}; trials.csv holds all of them."
        if len(report.records) > MOST_ROWS
        else ""
    )
    table = PageTable(headings, rows, "All trials", is_tall=True)
    return TableSection("folded_table.html", "All trials", table=table, note=note)


def _trial_row(record: TrialRecord, metrics: Sequence[str], has_relatives: bool) -> Row:
    words = record.origin + shorten_groups(record.architecture.describe())
    if record.failure is not None:
        words = f"{record.failure.kind.value}: {record.failure.message} – {words}"
    state = Cell(record.state.value, style="failed" if record.failure else "")
    return Row(
        [
            Cell(str(record.number), float(record.number), is_number=True),
            state,
            *(_metric_cell(metric, record) for metric in metrics),
            Cell(format_duration(record.seconds), record.seconds, is_number=True),
            *([_relative_cell(record)] if has_relatives else []),
            Cell(words, style="words"),
        ],
        f"trial-{record.number}",
    )


def _relative_cell(record: TrialRecord) -> Cell:
    number = record.relative
    if number is None:
        return Cell("", is_number=True)
    return Cell(str(number), float(number), is_number=True)


def environment_section(report: Report) -> Section | None:
    """Return on what the run ran."""
    env = report.environment
    if not env:
        return None
    devices = [f"{d.get('name')} (driver {d.get('driver')})" for d in env.get("devices") or []]
    checkout = env.get("checkout") or {}
    facts = {
        "command": " ".join(map(str, env.get("command") or [])),
        "started": str(env.get("started", "")),
        "resumed": ", ".join(str(e.get("started", "")) for e in env.get("resumes") or []),
        "python": str(env.get("python", "")),
        "packages": ", ".join(f"{n} {v}" for n, v in (env.get("packages") or {}).items()),
        "platform": str(env.get("platform", "")),
        "processor": f"{env.get('cpu', '')}, {env.get('num_cpus', '?')} logical processors",
        "memory": format_value("peak_memory_bytes", env.get("memory_bytes")),
        "devices": ", ".join(devices) or "none",
        "commit": _commit_words(checkout),
    }
    shown = [(name, value) for name, value in facts.items() if value]
    return FactsSection("facts.html", "Environment", facts=shown)


def _commit_words(checkout: Mapping[str, Any]) -> str:
    if not checkout:
        return ""
    if not checkout.get("is_dirty"):
        return str(checkout.get("commit", ""))
    changed = format_value("size_bytes", checkout.get("diff_bytes"))
    return (
        f"{checkout.get('commit', '')} with changes: {changed} of differences, "
        f"{checkout.get('num_untracked', 0)} untracked files"
    )


def settings_section(report: Report) -> Section | None:
    """Return the run's whole configuration."""
    if not report.config.strip():
        return None
    return TextSection("text.html", "Settings", text=report.config)


def _metric_cell(metric: str, record: TrialRecord) -> Cell:
    value = record.metrics.get(metric)
    key = value if value is not None and value - value == 0 else None  # finite
    return Cell(format_value(metric, value), key, is_number=True)


SECTIONS: tuple[Callable[[Report], Section | None], ...] = (
    front_chart,
    winners_section,
    front_section,
    files_section,
    sizes_section,
    shared_traits,
    importances,
    devices_section,
    references_section,
    curations_section,
    growth_section,
    learning_curves,
    cost_section,
    time_section,
    slots_timeline,
    failures_section,
    trials_section,
    environment_section,
    settings_section,
)
