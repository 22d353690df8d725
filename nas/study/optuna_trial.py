"""A trial of ours as a trial of Optuna's, and back: one form for journal, database and study."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from nas.architecture import Architecture
from nas.objective import Constraint, Objective, losses
from nas.sampling.rungs import RUNG_PREFIX, SECONDS_KEY, WAITING_KEY
from nas.trial import Failure, FailureKind, Rung, TrialRecord, TrialState

OPTUNA_STATES = {
    TrialState.RUNNING: OptunaState.RUNNING,
    TrialState.COMPLETE: OptunaState.COMPLETE,
    TrialState.STOPPED: OptunaState.PRUNED,
    TrialState.FAILED: OptunaState.FAIL,
}
_STATES = {ours: state for state, ours in OPTUNA_STATES.items()}
_CONSTRAINTS = "constraints"  # the prefix of Optuna's system attributes
_BOOKKEEPING = {
    "architecture_id",
    "budget",
    "parent",
    "inherited_from",
    "failure_kind",
    "failure",
    "traceback",
}

_PARTS = "parts_s"

# The end of a traceback says what went wrong; a recursion's is megabytes long.
MAX_TRACEBACK = 20_000


def attributes_at_start(record: TrialRecord) -> dict[str, Any]:
    """Return the user attributes of a trial that runs: id, static costs, relative, rungs."""
    rungs = {name: value for rung in record.rungs for name, value in rung_attribute(rung).items()}
    known = {"architecture_id": record.architecture.id, **record.metrics, **rungs}
    return known | _relative(record)


def rung_attribute(rung: Rung) -> dict[str, Any]:
    """Return the user attribute that keeps a rung."""
    told = {"metrics": dict(rung.metrics), "seconds": rung.seconds, "finished_s": rung.finished_s}
    return {f"{RUNG_PREFIX}{rung.budget!r}": told}


def rungs_of(attributes: Mapping[str, Any]) -> tuple[Rung, ...]:
    """Return the rungs that a trial's user attributes keep, the shortest training first."""
    found = [
        Rung(
            budget=float(name.removeprefix(RUNG_PREFIX)),
            metrics={metric: float(number) for metric, number in value["metrics"].items()},
            seconds=float(value["seconds"]),
            finished_s=float(value["finished_s"]),
        )
        for name, value in attributes.items()
        if name.startswith(RUNG_PREFIX)
    ]
    return tuple(sorted(found, key=lambda rung: rung.budget))


def attributes_at_end(record: TrialRecord) -> dict[str, Any]:
    """Return the user attributes that an end adds: what was measured, or why it failed."""
    attributes: dict[str, Any] = {**record.metrics, "seconds": record.seconds}
    attributes["budget"] = record.budget
    if record.parts_s:
        attributes[_PARTS] = {name: float(value) for name, value in record.parts_s.items()}
    attributes |= _relative(record)
    for rung in record.rungs:
        attributes |= rung_attribute(rung)
    if record.parent is not None:
        attributes |= {"parent": record.parent, "variant": record.variant}
    if record.failure is not None:
        attributes["failure_kind"] = record.failure.kind.value
        attributes["failure"] = record.failure.message
        attributes["traceback"] = record.failure.traceback[-MAX_TRACEBACK:]
    return attributes


def _relative(record: TrialRecord) -> dict[str, int]:
    number = record.inherited_from
    return {} if number is None else {"inherited_from": number}


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
        inherited_from=attrs.get("inherited_from"),
        rungs=rungs_of(attrs),
        parts_s=_parts_of(attrs.get(_PARTS)),
    )


def as_trial(
    record: TrialRecord,
    *,
    params: Mapping[str, Any],
    flat: dict[str, BaseDistribution],
    values: Sequence[float] | None,
) -> FrozenTrial:
    """Return a trial of ours as one of a working study, whose ids are numbers.

    Args:
        record: the trial.
        params: all parameters of the space, inactive ones too.
        flat: their distributions.
        values: of a complete trial.
    """
    ended_s = record.finished_s
    attributes: dict[str, Any] = {}
    for rung in record.rungs:
        attributes |= rung_attribute(rung)
    if record.rungs:
        is_whole = record.state is TrialState.COMPLETE
        attributes |= {SECONDS_KEY: record.seconds} if is_whole else {WAITING_KEY: True}
    return FrozenTrial(
        number=record.number,
        trial_id=record.number,
        state=OPTUNA_STATES[record.state],
        value=None,
        values=None if values is None else list(values),
        params=dict(params),
        distributions=flat,
        datetime_start=datetime.fromtimestamp(record.started_s),
        datetime_complete=None if ended_s is None else datetime.fromtimestamp(ended_s),
        user_attrs=attributes,
        system_attrs=dict(record.sampler_notes),
        intermediate_values={},
    )


def _parts_of(recorded: Any) -> dict[str, float]:
    """Return the parts of a trial's time; what is no number is left out."""
    parts = recorded if isinstance(recorded, dict) else {}
    return {
        str(name): float(seconds)
        for name, seconds in parts.items()
        if isinstance(seconds, int | float)
    }
