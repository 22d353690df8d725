"""The learning curves of a search whose trials trained in steps, as the page draws them."""

from collections.abc import Sequence
from typing import Any

from nas.objective import Objective
from nas.report.page_parts import Section
from nas.report.values import axis_title, scaled
from nas.trial import TrialRecord, TrialState

MOST_CURVES = 400  # in the picture: the last ones, and all of the front


def measured_objective(
    records: Sequence[TrialRecord], objectives: Sequence[Objective]
) -> Objective | None:
    """Return the first objective that changes along a training; None where no trial has rungs."""
    if not any(record.rungs for record in records):
        return None
    return next((objective for objective in objectives if not objective.is_static), None)


def curves(
    records: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    front: Sequence[TrialRecord],
) -> dict[str, Any]:
    """Return each trial's values at its rungs and at its end; nothing where no trial has rungs."""
    objective = measured_objective(records, objectives)
    if objective is None:
        return {"title": "", "trials": []}
    members = {record.number for record in front}
    climbed = [record for record in records if record.rungs and record.parent is None]
    first = len(climbed) - MOST_CURVES
    shown = [r for i, r in enumerate(climbed) if i >= first or r.number in members]
    return {
        "title": axis_title(objective.metric),
        "trials": [_curve(r, objective.metric, is_member=r.number in members) for r in shown],
    }


def _curve(record: TrialRecord, metric: str, *, is_member: bool) -> dict[str, Any]:
    points = [(r.budget, r.metrics[metric]) for r in record.rungs if metric in r.metrics]
    if record.state is TrialState.COMPLETE and metric in record.metrics:
        points.append((record.budget, record.metrics[metric]))
    group = "front" if is_member else record.state.value
    return {
        "number": record.number,
        "group": group,
        "share": [share for share, _ in points],
        "value": [scaled(metric, value) for _, value in points],
    }


def curves_section(
    records: Sequence[TrialRecord], objectives: Sequence[Objective]
) -> Section | None:
    """Return the picture; None where no trial has rungs."""
    if measured_objective(records, objectives) is None:
        return None
    return Section("curves_chart.html", "Learning curves")
