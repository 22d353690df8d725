"""When must the search have ended, so that the whole command ends within its budget?"""

import re
import time
from dataclasses import fields
from pathlib import Path

from nas.config.finishing import FinishConfig
from nas.config.quoting import quoted
from nas.config.schema import ExecutionKind, SearchConfig, TrackingKind
from nas.finish.length import remembered_budget_s
from nas.record.run_folder import RunFolder
from nas.record.spent import read_spent, total_spent

# What comes after the search: tables, pictures and the page.
_REPORT_S, _REPORT_SHARE = 5.0, 0.02
_LEAST_S = 1.0


_PLAIN = re.compile(r"[\w./-]+", re.ASCII)  # a path that needs no quotes


def search_end_s(
    config: SearchConfig, *, started_s: float | None = None, before: RunFolder | None = None
) -> float | None:
    """Return `time.monotonic()` when the search is to have ended; None without a budget.

    Args:
        config: of the search.
        started_s: `time.monotonic()` when the command began; now by default.
        before: the run that goes on: what it has spent counts.
    """
    if config.budget is None or config.execution.kind is ExecutionKind.SIMULATED:
        return None
    begin_s = time.monotonic() if started_s is None else started_s
    spent_s = 0.0
    if before is not None and config.resume:
        spent_s = total_spent(read_spent(before.spent_jsonl)).seconds
    share = 1.0 - config.finish_share if config.finish else 1.0
    reports_s = _REPORT_S + _REPORT_SHARE * config.budget
    return begin_s + max(_LEAST_S, share * config.budget - reports_s - spent_s)


def finish_words(config: SearchConfig, run: Path, *, started_s: float) -> list[str]:
    """Return the command line of the `nas finish` that follows a search."""
    named = str(run) if _PLAIN.fullmatch(str(run)) else quoted(str(run))
    words = [f"run={named}", f"ui={config.ui.value}", f"execution={config.execution.kind.value}"]
    if config.tracking.kind is not TrackingKind.NONE:
        words += [f"tracking={config.tracking.kind}"]
        words += [f"tracking.project={quoted(config.tracking.project)}"]
        if config.tracking.place is not None:
            words.append(f"tracking.place={quoted(config.tracking.place)}")
    if config.budget is not None and "budget" in {item.name for item in fields(FinishConfig)}:
        left_s = config.budget - (time.monotonic() - started_s)
        before_s = remembered_budget_s(run / "finish") if config.resume else None
        if before_s is not None and before_s <= left_s:
            left_s = before_s  # the plan stays, so that what is trained already counts
        words.append(f"budget={max(_LEAST_S, left_s):.0f}s")
    return words
