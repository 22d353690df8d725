"""What is the budget of a command, and how does `nas finish` get what is left of it?"""

import math
import time
from dataclasses import fields
from pathlib import Path

from nas.assemble.workers import num_cpus, num_workers
from nas.config.finishing import FinishConfig
from nas.config.overrides import key_of
from nas.config.quoting import quoted
from nas.config.schema import ExecutionKind, SearchConfig, TrackingKind, Ui
from nas.config.source import ConfigSource
from nas.finish.length import remembered_budget_s
from nas.planning.command_time import LEAST_UNIT_S, TimeBudget
from nas.record.run_folder import RunFolder
from nas.record.spent import read_spent, total_spent
from nas.study.journal import holds_study, load_records
from nas.trial import trainings

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
        before: the run whose budget goes on: the time of its trials counts.
    """
    if config.budget is None or config.execution.kind is ExecutionKind.SIMULATED:
        return None
    spent_s = 0.0
    if before is not None and config.resume:
        spent_s = min(
            total_spent(read_spent(before.spent_jsonl)).seconds, _trials_s(before, config)
        )
    return TimeBudget(
        seconds=config.budget,
        began_s=time.monotonic() if began_s is None else began_s,
        unit_s=unit_s,
        finish_share=config.finish_share if config.finish else None,
        has_workers=config.execution.kind is ExecutionKind.RAY,
        spent_s=spent_s,
    )


def is_new_budget(source: ConfigSource) -> bool:
    """Say whether a search that goes on was given a budget again: it is all for this command.

    Without one, what is left of the earlier one is.
    """
    return any(key_of(text) == "budget" for text in source.told)


def _trials_s(run: RunFolder, config: SearchConfig) -> float:
    """Return the wall time that the trials of a run took, on as many workers as there are now."""
    if config.storage.url is not None:  # not told by a file of the run
        return math.inf
    if not holds_study(run.study_journal):  # killed before its first line was whole
        return 0.0
    seconds = [record.seconds for record in trainings(load_records(run.study_journal))]
    return sum(seconds) / num_workers(config.execution, num_cpus=num_cpus())


def finish_words(
    config: SearchConfig, run: Path, *, started_s: float, goes_on: bool = False
) -> list[str]:
    """Return the command line of the `nas finish` that follows a search.

    Args:
        config: of the search.
        run: its folder.
        started_s: `time.monotonic()` when the command began.
        goes_on: what an earlier command spent of this budget counts.
    """
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
        before_s = remembered_budget_s(run / "finish") if goes_on else None
        if before_s is not None and before_s <= left_s:
            left_s = before_s  # the plan stays, so that what is trained already counts
        elif goes_on:  # what was searched before counts, up to the search's own share
            earlier = read_spent(RunFolder(run).spent_jsonl)[:-1]  # the last one is this command
            searched_s = total_spent(earlier).seconds
            left_s -= min(searched_s, (1.0 - config.finish_share) * config.budget)
        words.append(f"budget={max(_LEAST_S, left_s):.0f}s")
    return words
