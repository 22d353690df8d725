"""What the page's charts and the card of a trial show, as JSON; `assets/*.js` only draw it.

JSON has no NaN, so a value that a trial does not have is null. Parameters are kept by column, as
places in the list of their values: a run of 10,000 trials stays small.
"""

import json
import math
import string
from collections.abc import Sequence
from typing import Any

from nas.metric import describe_metric, is_count
from nas.objective import Objective
from nas.record.references import Reference
from nas.report.content import Report
from nas.report.curves import curves
from nas.report.finished import finish_chart
from nas.report.front import Floors, knee_record, leading_objective
from nas.report.growth import growth_of, yardstick_of
from nas.report.outliers import axis_range
from nas.report.slots import timeline
from nas.report.style import decades_of
from nas.report.tables import metric_columns, parameter_columns
from nas.report.values import axis_title, heading_of, label_of, scaled
from nas.trial import TrialRecord, TrialState

_WIDE_DECADES = 3.0  # from here on only powers of ten have room on a log axis
_DIGITS = 6  # of a number in the page
_LETTERS = string.digits + string.ascii_letters + "-"  # the last one is that of -1


def page_data(report: Report) -> dict[str, Any]:
    """Return all that the page draws."""
    data = chart_data(
        report.records, report.objectives, report.front, name=report.name, floors=report.floors
    )
    return data | {
        "references": [_reference(reference) for reference in report.references],
        "finish": finish_chart(report.winners, report.files),
        "timeline": timeline(report.records),
        "weights": {str(number): place for number, place in report.weights.items()},
    }


def chart_data(
    records: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    front: Sequence[TrialRecord],
    *,
    name: str,
    floors: Floors = (),
) -> dict[str, Any]:
    """Return axes to choose from, trials with their values and parameters, the front's growth."""
    metrics = drawable_metrics(records, objectives)
    knee = knee_record(front, objectives, floors=floors)
    members = {record.number for record in front}
    shown = [record for record in records if _group(record, members, knee) is not None]
    return {
        "name": name,
        "objectives": [objective.metric for objective in objectives],
        "axes": [_axis(metric, objectives, shown, front) for metric in metrics],
        "trials": {
            "number": [record.number for record in shown],
            "group": [_group(record, members, knee) for record in shown],
            "origin": {str(r.number): r.origin for r in shown if r.origin},
            "budget": {str(r.number): r.budget for r in shown if r.budget < 1.0},
            "values": {metric: [_value(r, metric) for r in shown] for metric in metrics},
            "parameters": _parameters(shown),
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


def _parameters(records: Sequence[TrialRecord]) -> dict[str, dict[str, Any]]:
    """Return name -> the values that occur, and each trial's place among them; -1 for none.

    Places of up to 62 values are one letter a trial, and a dash for none.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in parameter_columns(record.architecture for record in records):
        column = [record.architecture.get(name) for record in records]
        kinds = {(type(value).__name__, value) for value in column if value is not None}
        ordered = sorted(kinds)
        place = {kind: index for index, kind in enumerate(ordered)}
        codes = [-1 if v is None else place[(type(v).__name__, v)] for v in column]
        found[name] = {
            "values": [value for _, value in ordered],
            "codes": "".join(_LETTERS[code] for code in codes)
            if len(ordered) < len(_LETTERS)
            else codes,
        }
    return found


def _reference(reference: Reference) -> dict[str, Any]:
    names = ("accuracy", "size_bytes", "num_params", "num_macs")
    values = {name: reference.value(name) for name in names}
    known = {name: scaled(name, value) for name, value in values.items() if math.isfinite(value)}
    return {"name": reference.name, "kind": reference.kind, "values": known}


def _group(record: TrialRecord, members: set[int], knee: TrialRecord | None) -> str | None:
    if knee is not None and record.number == knee.number and len(members) > 1:
        return "knee"
    if record.number in members:
        return "front"
    if record.state in (TrialState.COMPLETE, TrialState.STOPPED):
        return record.state.value
    return None


def _axis(
    metric: str,
    objectives: Sequence[Objective],
    records: Sequence[TrialRecord],
    front: Sequence[TrialRecord],
) -> dict[str, Any]:
    known = describe_metric(metric)
    direction = known.direction
    for objective in objectives:
        direction = objective.direction if objective.metric == metric else direction
    drawn = Objective(metric, direction, False)
    values = [value for r in records if (value := _value(r, metric)) is not None]
    kept = [value for r in front if (value := _value(r, metric)) is not None]
    decades = decades_of(drawn, values)
    return {
        "metric": metric,
        "title": label_of(metric) if is_count(metric) else axis_title(metric),
        "heading": heading_of(metric),
        "unit": known.shown_unit,
        "direction": direction.value,
        "is_count": is_count(metric),
        "is_log": decades is not None,
        "is_wide": decades is not None and decades > _WIDE_DECADES,
        "range": list(axis_range(drawn, values, kept)) if values else None,
    }


def _value(record: TrialRecord, metric: str) -> float | None:
    value = record.metrics.get(metric)
    if value is None or not math.isfinite(value):
        return None
    number = float(f"{scaled(metric, value):.{_DIGITS}g}")
    return int(number) if number.is_integer() else number


def _growth(
    records: Sequence[TrialRecord], objectives: Sequence[Objective], floors: Floors
) -> dict[str, list[float]]:
    yardstick = yardstick_of([records], objectives, floors=floors)
    if yardstick is None:
        return {"num_trials": [], "shares": []}
    growth = growth_of(records, objectives, yardstick)
    shares = [round(share, 6) for share in growth.shares.tolist()]
    steps = [i for i, s in enumerate(shares) if i in (0, len(shares) - 1) or s != shares[i - 1]]
    return {
        "num_trials": [int(growth.num_trials[i]) for i in steps],
        "shares": [shares[i] for i in steps],
    }
