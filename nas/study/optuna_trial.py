"""A trial of ours as a trial of Optuna's, and back: one form for journal, database and study."""

from collections.abc import Sequence
from typing import Any

from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from nas.architecture import Architecture
from nas.objective import Objective, losses
from nas.trial import Failure, FailureKind, TrialRecord, TrialState

OPTUNA_STATES = {
    TrialState.RUNNING: OptunaState.RUNNING,
    TrialState.COMPLETE: OptunaState.COMPLETE,
    TrialState.STOPPED: OptunaState.PRUNED,
    TrialState.FAILED: OptunaState.FAIL,
}
_STATES = {ours: state for state, ours in OPTUNA_STATES.items()}
_BOOKKEEPING = {"architecture_id", "budget", "parent", "failure_kind", "failure", "traceback"}

_PARTS = "parts_s"

# The end of a traceback says what went wrong; a recursion's is megabytes long.
MAX_TRACEBACK = 20_000


def attributes_at_start(record: TrialRecord) -> dict[str, Any]:
    """Return the user attributes of a trial that starts: its id and its static costs."""
    return {"architecture_id": record.architecture.id, **record.metrics}


def attributes_at_end(record: TrialRecord) -> dict[str, Any]:
    """Return the user attributes that an end adds: what was measured, or why it failed."""
    attributes: dict[str, Any] = {**record.metrics, "seconds": record.seconds}
    attributes["budget"] = record.budget
    if record.parts_s:
        attributes[_PARTS] = {name: float(value) for name, value in record.parts_s.items()}
    if record.parent is not None:
        attributes |= {"parent": record.parent, "variant": record.variant}
    if record.failure is not None:
        attributes["failure_kind"] = record.failure.kind.value
        attributes["failure"] = record.failure.message
        attributes["traceback"] = record.failure.traceback[-MAX_TRACEBACK:]
    return attributes


def optuna_values(record: TrialRecord, objectives: Sequence[Objective]) -> list[float] | None:
    """Return the objectives' values of a complete trial in the study's order, else None."""
    if record.state is not TrialState.COMPLETE or losses(objectives, record.metrics) is None:
        return None
    return [float(record.metrics[objective.metric]) for objective in objectives]


def as_record(trial: FrozenTrial) -> TrialRecord:
    """Return a trial of an Optuna study as ours."""
    attrs = trial.user_attrs
    kind = attrs.get("failure_kind")
    failure = (
        Failure(FailureKind(kind), attrs.get("failure", ""), attrs.get("traceback", ""))
        if kind
        else None
    )
    return TrialRecord(
        number=trial.number,
        architecture=Architecture(trial.params),
        state=_STATES.get(trial.state, TrialState.RUNNING),
        metrics={
            name: float(value)
            for name, value in attrs.items()
            if isinstance(value, int | float) and name not in _BOOKKEEPING
        },
        seconds=float(attrs.get("seconds", 0.0)),
        budget=float(attrs.get("budget", 1.0)),
        failure=failure,
        started_s=trial.datetime_start.timestamp() if trial.datetime_start else 0.0,
        finished_s=trial.datetime_complete.timestamp() if trial.datetime_complete else None,
        sampler_notes=trial.system_attrs,
        parent=attrs.get("parent"),
        variant=attrs.get("variant", ""),
        parts_s=_parts_of(attrs.get(_PARTS)),
    )


def _parts_of(recorded: Any) -> dict[str, float]:
    """Return the parts of a trial's time; what is no number is left out."""
    parts = recorded if isinstance(recorded, dict) else {}
    return {
        str(name): float(seconds)
        for name, seconds in parts.items()
        if isinstance(seconds, int | float)
    }
