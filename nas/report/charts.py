"""What the page's charts draw, as JSON; `assets/page.js` only draws it.

JSON has no NaN, so a value that a trial does not have is null. What Plotly shows on hovering is a
small HTML of its own: all text in it is escaped.
"""

import json
import math
from collections.abc import Sequence
from textwrap import wrap
from typing import Any

from markupsafe import Markup

from nas.metric import describe_metric, is_count
from nas.objective import Objective
from nas.report.curves import curves
from nas.report.front import Floors, knee_record, leading_objective
from nas.report.growth import growth_of, yardstick_of
from nas.report.style import decades_of
from nas.report.tables import metric_columns, shorten_groups
from nas.report.values import axis_title, format_value, heading_of, scaled
from nas.trial import TrialRecord, TrialState

_HOVER_COLUMNS = 60
_WIDE_DECADES = 3.0  # from here on only powers of ten have room on a log axis


def chart_data(
    records: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    front: Sequence[TrialRecord],
    *,
    name: str,
    floors: Floors = (),
) -> dict[str, Any]:
    """Return the page's data: axes to choose from, trials and their values, the front's growth."""
    metrics = drawable_metrics(records, objectives)
    knee = knee_record(front, objectives, floors=floors)
    members = {record.number for record in front}
    shown = [record for record in records if _group(record, members, knee) is not None]
    return {
        "name": name,
        "objectives": [objective.metric for objective in objectives],
        "axes": [_axis(metric, objectives, shown) for metric in metrics],
        "trials": {
            "number": [record.number for record in shown],
            "group": [_group(record, members, knee) for record in shown],
            "hover": [hover_text(record, metrics) for record in shown],
            "values": {metric: [_value(r, metric) for r in shown] for metric in metrics},
        },
        "growth": _growth(records, objectives, floors),
        "curves": curves(records, objectives, front),
    }


def to_script_json(data: dict[str, Any]) -> str:
    """Return JSON that may stand inside a script element: no `<` can end it."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def drawable_metrics(records: Sequence[TrialRecord], objectives: Sequence[Objective]) -> list[str]:
    """Return what an axis can show: the leading objective, the others, then all other metrics."""
    lead = leading_objective(objectives)
    ordered = [lead, *(objective for objective in objectives if objective is not lead)]
    return metric_columns(records, ordered)


def hover_text(record: TrialRecord, metrics: Sequence[str]) -> str:
    """Return what hovering over a trial shows, as the HTML that Plotly knows."""
    title = Markup("<b>trial {}</b>").format(record.number)
    if record.state is TrialState.STOPPED:
        title += f" stopped at {record.budget:.0%} of the budget"
    values = [
        f"{heading_of(metric)}: {format_value(metric, record.metrics[metric])}"
        for metric in metrics
        if metric in record.metrics
    ]
    words = wrap(shorten_groups(record.describe()), _HOVER_COLUMNS)
    return str(Markup("<br>").join([title, *values, *words]))  # escapes what is no Markup


def _group(record: TrialRecord, members: set[int], knee: TrialRecord | None) -> str | None:
    if knee is not None and record.number == knee.number and len(members) > 1:
        return "knee"
    if record.number in members:
        return "front"
    if record.state in (TrialState.COMPLETE, TrialState.STOPPED):
        return record.state.value
    return None


def _axis(
    metric: str, objectives: Sequence[Objective], records: Sequence[TrialRecord]
) -> dict[str, Any]:
    direction = describe_metric(metric).direction
    for objective in objectives:
        direction = objective.direction if objective.metric == metric else direction
    values = [value for r in records if (value := _value(r, metric)) is not None]
    decades = decades_of(Objective(metric, direction, False), values)
    return {
        "metric": metric,
        "title": axis_title(metric),
        "direction": direction.value,
        "is_count": is_count(metric),
        "is_log": decades is not None,
        "is_wide": decades is not None and decades > _WIDE_DECADES,
    }


def _value(record: TrialRecord, metric: str) -> float | None:
    value = record.metrics.get(metric)
    return None if value is None or not math.isfinite(value) else scaled(metric, value)


def _growth(
    records: Sequence[TrialRecord], objectives: Sequence[Objective], floors: Floors
) -> dict[str, list[float]]:
    yardstick = yardstick_of([records], objectives, floors=floors)
    if yardstick is None:
        return {"num_trials": [], "shares": []}
    growth = growth_of(records, objectives, yardstick)
    shares = [round(share, 6) for share in growth.shares.tolist()]
    return {"num_trials": growth.num_trials.tolist(), "shares": shares}
