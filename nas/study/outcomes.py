"""What a result makes of a trial's record: its end, or one more rung."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from nas.objective import Objective, losses
from nas.trial import Failure, FailureKind, Rung, TrialRecord, TrialResult, TrialState


def ended_record(
    record: TrialRecord, result: TrialResult, objectives: Sequence[Objective]
) -> TrialRecord:
    """Return the record of a trial that ended with a result.

    A result without a finite value of each objective is a failure.
    """
    metrics = {**record.metrics, **result.metrics, "seconds": result.seconds}
    finite = {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
    state, failure = result.state, result.failure
    if failure is not None:
        failure = replace(failure)  # masked here: workers do not know the driver's passwords
    if state is not TrialState.FAILED and losses(objectives, finite) is None:
        absent = [o.metric for o in objectives if o.metric not in finite]
        state = TrialState.FAILED
        failure = Failure(
            FailureKind.NONFINITE, f"no finite value of {', '.join(absent)} was measured"
        )
    ended_s, parts_s = now_s(), dict(result.parts_s)
    if parts_s:
        parts_s["wait"] = max(0.0, ended_s - record.started_s - sum(parts_s.values()))
    return replace(
        record,
        state=state,
        metrics=finite,
        seconds=result.seconds,
        budget=result.budget,
        failure=failure,
        finished_s=ended_s,
        parts_s=parts_s,
    )


def with_rung(record: TrialRecord, ended: TrialRecord) -> TrialRecord:
    """Return the record of a trial that runs, with one more rung.

    Args:
        record: of the trial before.
        ended: what would be its record if it were stopped now.
    """
    rung = Rung(ended.budget, ended.metrics, ended.seconds, ended.finished_s or 0.0)
    return replace(record, rungs=(*record.rungs, rung))


def stopped_record(record: TrialRecord) -> TrialRecord:
    """Return the record of a trial that is stopped for good at its last rung."""
    last = record.rungs[-1]
    return replace(
        record,
        state=TrialState.STOPPED,
        metrics=last.metrics,
        seconds=last.seconds,
        budget=last.budget,
        finished_s=now_s(),
    )


def now_s() -> float:
    """Return the time since the epoch to the microsecond, as the record keeps it."""
    return datetime.now().timestamp()
