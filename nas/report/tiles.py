"""The numbers that matter, at the top of the page."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from nas.metric import Direction
from nas.objective import objective_for
from nas.record.winners import WinnerRow
from nas.report.content import Report
from nas.report.page_parts import Tile
from nas.report.values import format_duration, format_value, heading_of
from nas.trial import TrialRecord, TrialState, trainings


def tiles(report: Report) -> list[Tile]:
    """Return the numbers that matter."""
    trained = trainings(report.records)
    counts = Counter(record.state for record in trained)
    ended = ", ".join(f"{n} {state.value}" for state in TrialState if (n := counts[state]))
    found = [Tile("trials", f"{len(trained):,}", ended)]
    num_variants = len(report.records) - len(trained)
    if num_variants:
        found.append(Tile("variants", f"{num_variants:,}", "compressed copies of networks"))
    what = "networks" if num_variants else "distinct architectures"
    found.append(Tile("on the front", str(len(report.front)), what))
    for objective in report.objectives:
        if report.front:
            best = min(report.front, key=lambda r, o=objective: o.loss(r.metrics[o.metric]))  # type: ignore[misc]
            value = format_value(objective.metric, best.metrics[objective.metric])
            which = "highest" if objective.direction is Direction.MAXIMIZE else "smallest"
            found.append(
                Tile(f"{which} {heading_of(objective.metric)}", value, f"trial {best.number}")
            )
    found.extend(_tested_tile(report.winners))
    spent = sum(record.seconds for record in report.records)
    wall = _wall_time(report.records)
    found.append(Tile("time in trials", format_duration(spent), wall))
    return found


def _tested_tile(winners: Sequence[WinnerRow]) -> Iterator[Tile]:
    """Yield what the best retrained winner has on the test split, where there is one."""
    tested = [row for row in winners if not row.is_baseline and math.isfinite(row.test_mean)]
    if tested:
        objective = objective_for(tested[0].metric)
        best = min(tested, key=lambda row: objective.loss(row.test_mean))
        size = format_value("size_bytes", best.size_bytes)
        value = format_value(best.metric, best.test_mean)
        yield Tile(f"tested {heading_of(best.metric)}", value, f"{best.name} retrained, {size}")


def _wall_time(records: Sequence[TrialRecord]) -> str:
    ends = [record.finished_s for record in records if record.finished_s is not None]
    if not ends:
        return ""
    return f"{format_duration(max(ends) - min(r.started_s for r in records))} from first to last"
