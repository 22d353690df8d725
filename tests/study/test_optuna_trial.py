"""Optuna's samplers hear by how much trials break limits on what is measured."""

import optuna
import pytest

from nas.architecture import Architecture
from nas.objective import Constraint
from nas.study.optuna_trial import constraint_attributes
from nas.trial import TrialRecord, TrialState

LIMITS = (Constraint("accuracy", minimum=0.8), Constraint("latency_ms", maximum=10.0))


def record(state=TrialState.COMPLETE, **metrics):
    return TrialRecord(number=0, architecture=Architecture({"w": 1}), state=state, metrics=metrics)


def test_optuna_reads_the_attributes_as_constraints():
    study = optuna.create_study()
    trial = study.ask()
    attributes = constraint_attributes(record(accuracy=0.6, latency_ms=9.0), LIMITS)
    for key, value in attributes.items():
        study._storage.set_trial_system_attr(trial._trial_id, key, value)
    study.tell(trial, 0.0)

    found = study.trials[0].constraints

    assert found == {"accuracy": pytest.approx(0.25), "latency_ms": 0.0}


def test_failed_trials_and_what_was_not_measured_have_none():
    assert constraint_attributes(record(TrialState.FAILED, accuracy=0.1), LIMITS) == {}
    assert constraint_attributes(record(loss=1.0), LIMITS) == {}
