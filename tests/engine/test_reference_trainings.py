"""Networks that a search is compared with: when they are trained, and what is kept of them."""

import math
from dataclasses import replace

import pytest

from nas.architecture import Architecture
from nas.engine.reference_trainings import ReferenceTrainings
from nas.objective import objective_for
from nas.record.references import TRIVIAL, Reference, read_references
from nas.trial import Failure, FailureKind, TrialRecord, TrialResult, TrialState

OBJECTIVES = (objective_for("accuracy"), objective_for("size_bytes"))
LINEAR = Reference("linear", TRIVIAL, 0.4, 400.0, 100.0, 90.0, 0.5)
NETWORK = ("mobilenetv3_small x0.25", Architecture({"baseline": "mobilenetv3_small", "width": 1}))


def trainings(folder, *, hand_made=(NETWORK,), **settings):
    return ReferenceTrainings(
        [LINEAR], hand_made, path=folder / "references.csv", objectives=OBJECTIVES, seed=0,
        **settings,
    )  # fmt: skip


def trial(number, *, seconds=10.0, num_macs=1e6, state=TrialState.COMPLETE):
    return TrialRecord(
        number=number, architecture=Architecture({"w": number}), state=state, seconds=seconds,
        metrics={"num_macs": num_macs},
    )  # fmt: skip


def result(spec, **values):
    metrics = {"accuracy": 0.7, "size_bytes": 1e6, "num_params": 2.5e5, "num_macs": 7e6}
    told = {"state": TrialState.COMPLETE, "metrics": metrics, "seconds": 12.0, **values}
    return TrialResult(number=spec.number, attempt=spec.attempt, **told)


def test_one_is_due_once_it_takes_no_more_than_its_share_of_the_trials_time(tmp_path):
    ours = trainings(tmp_path, most_share=0.25, num_macs=lambda _: 2e6)

    assert not ours.is_due([trial(number) for number in range(3)])
    # It has twice the arithmetic of a trial, so 20 s are expected, a quarter of 80.
    assert not ours.is_due([trial(number) for number in range(7)])
    assert ours.is_due([trial(number) for number in range(8)])
    assert not ours.is_due([trial(n, state=TrialState.FAILED) for n in range(20)])


def test_what_the_user_asks_for_is_due_after_four_trials(tmp_path):
    ours = trainings(tmp_path, num_macs=lambda _: 1e12)

    assert ours.is_due([trial(number) for number in range(4)])


def test_none_is_due_where_too_little_time_is_left_for_it(tmp_path):
    ours = trainings(tmp_path, most_share=0.25, num_macs=lambda _: 2e6)  # 20 s are expected
    ended = [trial(number) for number in range(8)]

    assert not ours.is_due(ended, left_s=lambda: 19.0)
    assert ours.is_due(ended, left_s=lambda: 21.0)


def test_one_that_was_cut_short_is_told_and_compared_with_nothing(tmp_path):
    ours = trainings(tmp_path)
    spec = ours.next()
    cut = result(spec)

    (line,) = ours.take(replace(cut, metrics={**cut.metrics, "training_share": 0.21}))

    assert "had time for 21% of its training" in line
    assert not [r for r in read_references(tmp_path / "references.csv") if r.kind == "hand-made"]


def test_what_comes_of_it_stands_beside_the_trivial_models_and_outlives_a_resume(tmp_path):
    ours = trainings(tmp_path)
    spec = ours.next()

    (line,) = ours.take(result(spec))

    assert spec.number < 0
    assert spec.number in ours
    assert "mobilenetv3_small x0.25, 70.00% accuracy at 1,000 kB in 12.0 s" in line
    rows = read_references(tmp_path / "references.csv")
    assert [(row.name, row.kind, row.accuracy) for row in rows] == [
        ("linear", "trivial", 0.4),
        ("mobilenetv3_small x0.25", "hand-made", 0.7),
    ]
    assert not trainings(tmp_path).has_waiting


def test_a_lost_worker_is_tried_again_and_a_failure_is_told(tmp_path):
    ours = trainings(tmp_path)
    lost = Failure(FailureKind.LOST, "the worker is gone")
    spec = ours.next()

    assert ours.take(result(spec, state=TrialState.FAILED, failure=lost)) == []
    again = ours.next()
    error = Failure(FailureKind.ERROR, "no memory")
    (line,) = ours.take(result(again, state=TrialState.FAILED, failure=error))

    assert again.attempt == 1
    assert "was not trained: no memory" in line
    assert [row.name for row in read_references(tmp_path / "references.csv")] == ["linear"]


def test_no_weights_are_asked_for(tmp_path):
    (front,) = trainings(tmp_path).next().front

    assert front == (-math.inf, -math.inf)


@pytest.mark.parametrize("hand_made", [(), (NETWORK,)])
def test_trivial_models_are_on_record_from_the_start(tmp_path, hand_made):
    trainings(tmp_path, hand_made=hand_made)

    assert [row.name for row in read_references(tmp_path / "references.csv")] == ["linear"]
