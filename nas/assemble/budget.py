"""What is the budget of a command, and how does `nas finish` get what is left of it?"""

import time
from dataclasses import fields
from pathlib import Path

from nas.config.finishing import FinishConfig
from nas.config.quoting import quoted
from nas.config.schema import ExecutionKind, SearchConfig, TrackingKind, Ui
from nas.finish.length import remembered_budget_s
from nas.planning.command_time import LEAST_UNIT_S, TimeBudget
from nas.record.run_folder import RunFolder
from nas.record.spent import read_spent, total_spent

_LEAST_S = 1.0


def time_budget(
    config: SearchConfig,
    *,
    began_s: float | None = None,
    unit_s: float = LEAST_UNIT_S,
    before: RunFolder | None = None,
) -> TimeBudget | None:
    """Return the budget of a command; None where it has none.

    Args:
        config: of the search.
        began_s: `time.monotonic()` when the command began; now by default.
        unit_s: how quick this machine is (`nas.planning.command_time`).
        before: the run that goes on: what it has spent counts.
    """
    if config.budget is None or config.execution.kind is ExecutionKind.SIMULATED:
        return None
    spent_s = 0.0
    if before is not None and config.resume:
        spent_s = total_spent(read_spent(before.spent_jsonl)).seconds
    return TimeBudget(
        seconds=config.budget,
        began_s=time.monotonic() if began_s is None else began_s,
        unit_s=unit_s,
        finish_share=config.finish_share if config.finish else None,
        has_workers=config.execution.kind is ExecutionKind.RAY,
        spent_s=spent_s,
    )


def finish_words(config: SearchConfig, run: Path, *, started_s: float) -> list[str]:
    """Return the command line of the `nas finish` that follows a search."""
    words = [f"run={run}"]
    if config.ui is not Ui.AUTO:
        words.append(f"ui={config.ui.value}")
    if config.execution.kind is not ExecutionKind.RAY:
        words.append(f"execution={config.execution.kind.value}")
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
        elif config.resume:  # what was searched before counts, up to the search's own share
            earlier = read_spent(RunFolder(run).spent_jsonl)[:-1]  # the last one is this command
            searched_s = total_spent(earlier).seconds
            left_s -= min(searched_s, (1.0 - config.finish_share) * config.budget)
        words.append(f"budget={max(_LEAST_S, left_s):.0f}s")
    return words
