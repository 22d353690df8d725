"""What better data gave at each size: searches whose trials choose their training text."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nas.objective import Objective, losses
from nas.report.page_parts import Cell, PageTable, Row, Section, TableSection
from nas.report.values import counted, format_duration, format_value, heading_of
from nas.trial import TrialRecord, TrialState

CURATION = "curation"  # the parameter by which a trial chooses
_MOST_SIZES = 8
_LEAD = (
    "The best of the trials that learnt from each training text and are no larger than the size "
    "on the left. Trials differ in their architectures too; those on the same row compare best "
    "where each text had many trials."
)

Steps = Mapping[str, Sequence[Mapping[str, Any]]]


def read_curations(path: Path) -> Steps:
    """Return curation -> its steps from data.json; empty where it tells of none."""
    try:
        told = json.loads(path.read_text()).get("curation")
    except (OSError, ValueError, AttributeError):
        return {}
    return told if isinstance(told, dict) else {}


def section_of_curations(
    records: Sequence[TrialRecord], objectives: Sequence[Objective], steps: Steps
) -> Section | None:
    """Return the best value with each training text at some sizes; None where none was chosen."""
    whole = [record for record in records if record.state is TrialState.COMPLETE]
    known = [record for record in whole if losses(objectives, record.metrics) is not None]
    chosen = {r.number: str(r.architecture[CURATION]) for r in known if CURATION in r.architecture}
    names = [name for name in dict.fromkeys([*steps, *chosen.values()]) if name in chosen.values()]
    size = next((o for o in objectives if o.is_static), None)
    quality = next((o for o in objectives if not o.is_static), None)
    if not names or size is None or quality is None:
        return None
    trials = [record for record in known if record.number in chosen]
    rows = []
    for limit in _sizes(trials, size):
        fitting = [record for record in trials if record.metrics[size.metric] <= limit]
        by_name = ([r for r in fitting if chosen[r.number] == name] for name in names)
        cells = [_best_cell(found, quality) for found in by_name]
        rows.append(Row([_size_cell(size, limit), *cells]))
    headings = [f"{heading_of(size.metric)} up to"]
    headings += [f"{heading_of(quality.metric)}, {name}" for name in names]
    return TableSection(
        "titled_table.html",
        "Better data",
        table=PageTable(headings, rows, "Best value with each training text"),
        lead=_LEAD,
        note=" ".join(_cost(name, steps[name]) for name in names if steps.get(name)),
    )


def _sizes(trials: Sequence[TrialRecord], size: Objective) -> list[float]:
    """Return some sizes of trials, spread evenly over their order; the largest is one."""
    found = sorted({record.metrics[size.metric] for record in trials})
    number = min(_MOST_SIZES, len(found))
    return [found[round((i + 1) * len(found) / number) - 1] for i in range(number)]


def _size_cell(size: Objective, limit: float) -> Cell:
    return Cell(format_value(size.metric, limit), limit, is_number=True)


def _best_cell(found: Sequence[TrialRecord], quality: Objective) -> Cell:
    if not found:
        return Cell("–", is_number=True)
    best = min(found, key=lambda r: quality.loss(r.metrics[quality.metric]))
    value = best.metrics[quality.metric]
    text = f"{format_value(quality.metric, value)} (trial {best.number}, of {len(found)})"
    return Cell(text, value, is_number=True)


def _cost(name: str, steps: Sequence[Mapping[str, Any]]) -> str:
    first, last = steps[0], steps[-1]
    share = last["num_bytes"] / max(1, first["num_bytes"])
    spent = format_duration(sum(step["cpu_s"] for step in steps))
    passages = counted(last["num_passages"], "passage")
    return f"{name}: {passages}, {100 * share:.1f} % of the bytes, took {spent} of processor time."
