"""A trial of ours as a trial of Optuna's, and back: one form for journal, database and study."""

from collections.abc import Sequence
from typing import Any

from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from nas.architecture import Architecture
from nas.objective import Constraint, Objective, losses
from nas.trial import Failure, FailureKind, TrialRecord, TrialState

OPTUNA_STATES = {
    TrialState.RUNNING: OptunaState.RUNNING,
    TrialState.COMPLETE: OptunaState.COMPLETE,
    TrialState.STOPPED: OptunaState.PRUNED,
    TrialState.FAILED: OptunaState.FAIL,
}
_STATES = {ours: state for state, ours in OPTUNA_STATES.items()}
_CONSTRAINTS = "constraints"  # the prefix of Optuna's system attributes
_BOOKKEEPING = {"architecture_id", "budget", "parent", "failure_kind", "failure", "traceback"}

# The end of a traceback says what went wrong; a recursion's is megabytes long.
MAX_TRACEBACK = 20_000


def attributes_at_start(record: TrialRecord) -> dict[str, Any]:
    """Return the user attributes of a trial that starts: its id and its static costs."""
    return {"architecture_id": record.architecture.id, **record.metrics}


def attributes_at_end(record: TrialRecord) -> dict[str, Any]:
    """Return the user attributes that an end adds: what was measured, or why it failed."""
    attributes: dict[str, Any] = {**record.metrics, "seconds": record.seconds}
    attributes["budget"] = record.budget
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


def constraint_attributes(record: TrialRecord, limits: Sequence[Constraint]) -> dict[str, float]:
    """Return by how much a complete trial breaks limits, as Optuna's samplers read it.

    What `optuna.trial.Trial.set_constraint` keeps: 0 or less where a limit is kept.
    """
    if record.state is not TrialState.COMPLETE:
        return {}
    return {
        f"{_CONSTRAINTS}:{limit.metric}": limit.excess(record.metrics[limit.metric])
        for limit in limits
        if limit.metric in record.metrics
    }


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
    )
