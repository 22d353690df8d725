"""A search whose trials train in steps, from its first rung to its record."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from parts.engine import (
    OBJECTIVES,
    ClosedForm,
    RecordingView,
    accuracy_of,
    nsga2_sampler,
    search,
    small_task,
)

from nas.architecture import Architecture
from nas.engine.halving import SuccessiveHalving
from nas.engine.rungs import GoOn, RungPlan, Rungs
from nas.engine.stopping import Stopping
from nas.errors import ConfigError
from nas.execution.simulated import SimulatedBackend
from nas.study.journal import load_records
from nas.trial import Failure, FailureKind, Rung, TrialRecord, TrialResult, TrialState

SHARES = (0.25, 0.5, 1.0)


@dataclass
class Growing(ClosedForm):
    """Accuracy grows with the share of the training; a trial takes ten simulated seconds."""

    orders: list = field(default_factory=list)

    def evaluate(self, spec):
        self.orders.append(spec)
        accuracy = accuracy_of(spec.architecture) * (0.9 + 0.1 * spec.budget)
        state = TrialState.COMPLETE if spec.budget >= 1 else TrialState.STOPPED
        seconds = spec.spent_s + 10.0 * (spec.budget - spec.reached)
        metrics = {**spec.static_costs, "accuracy": accuracy}
        return TrialResult(
            spec.number, spec.attempt, state, metrics, seconds=seconds, budget=spec.budget
        )


def plan(**settings):
    decider = settings.pop("decider", None) or SuccessiveHalving(SHARES, OBJECTIVES)
    return RungPlan(shares=SHARES, make_decider=lambda study: decider, **settings)


def rungs_task(num_trials, *, evaluator=None, **settings):
    return small_task(num_trials, evaluator=evaluator or Growing(), rungs=plan(**settings))


def test_only_whole_trainings_are_complete_and_the_rest_are_stopped_at_a_rung(tmp_path):
    summary = search(rungs_task(24), tmp_path)

    complete = [r for r in summary.records if r.state is TrialState.COMPLETE]
    stopped = [r for r in summary.records if r.state is TrialState.STOPPED]
    assert len(summary.records) == len(complete) + len(stopped) == 24
    assert complete
    assert stopped
    assert {r.budget for r in complete} == {1.0}
    assert all(r.budget == r.rungs[-1].budget < 1 for r in stopped)
    assert all([rung.budget for rung in r.rungs] == [0.25, 0.5] for r in complete)


def test_no_rung_is_trained_twice_and_each_begins_where_the_last_one_ended(tmp_path):
    evaluator = Growing()

    search(rungs_task(24, evaluator=evaluator), tmp_path)

    asked = [(spec.number, spec.budget) for spec in evaluator.orders]
    assert len(asked) == len(set(asked))
    assert all(
        (spec.reached, spec.spent_s)
        == {0.25: (0, 0), 0.5: (0.25, 2.5), 1.0: (0.5, 5)}[spec.budget]
        for spec in evaluator.orders
    )


def test_the_record_on_disk_has_the_rungs(tmp_path):
    summary = search(rungs_task(12), tmp_path)

    assert load_records(tmp_path / "study.journal") == list(summary.records)
    first = summary.records[0].rungs[0]
    assert first.budget == 0.25
    expected = accuracy_of(summary.records[0].architecture) * 0.925
    assert first.metrics["accuracy"] == pytest.approx(expected)


def test_the_view_is_told_of_each_rung_and_of_each_end_once(tmp_path):
    view = RecordingView()

    summary = search(rungs_task(12), tmp_path, view=view)

    assert sorted(r.number for r in view.finished) == list(range(12))
    reached = [(r.number, r.reached) for r in view.rungs]
    expected = [(r.number, rung.budget) for r in summary.records for rung in r.rungs]
    assert sorted(reached) == sorted(expected)


def test_a_search_that_was_cut_goes_on_with_its_rungs_and_trains_none_twice(tmp_path):
    evaluator = Growing()
    view = RecordingView()

    def cut(record):
        raise KeyboardInterrupt

    view.on_finished = cut
    with pytest.raises(KeyboardInterrupt):
        search(rungs_task(24, evaluator=evaluator), tmp_path, view=view)
    before = load_records(tmp_path / "study.journal")
    assert any(r.state is TrialState.RUNNING and r.rungs for r in before)

    again = Growing()
    summary = search(rungs_task(24, evaluator=again), tmp_path)

    on_record = {(r.number, rung.budget) for r in before for rung in r.rungs}
    on_record |= {(r.number, 1.0) for r in before if r.state is TrialState.COMPLETE}
    assert on_record.isdisjoint((spec.number, spec.budget) for spec in again.orders)
    assert len(summary.records) == 24
    assert all(r.state is not TrialState.RUNNING for r in summary.records)


def test_stopped_trials_are_no_parents_of_nsga2_and_the_search_goes_on(tmp_path):
    task = replace(rungs_task(40), make_sampler=nsga2_sampler)

    summary = search(task, tmp_path)

    assert len(summary.records) == 40


def test_trials_side_by_side_take_only_the_time_of_their_own_steps(tmp_path):
    clocks = []

    def backend(evaluator):
        clocks.append(SimulatedBackend(evaluator, num_workers=1))
        return clocks[-1]

    summary = search(rungs_task(16), tmp_path, make_backend=backend)

    spent = sum(r.seconds for r in summary.records)
    assert clocks[0].now_s == pytest.approx(spent)


def test_everyone_goes_on_until_a_curve_is_hopeless(tmp_path):
    whole = search(rungs_task(40, decider=GoOn(), stops_hopeless=False), tmp_path / "whole")
    stopped = search(rungs_task(40, decider=GoOn()), tmp_path / "stopped")

    assert {r.state for r in whole.records} == {TrialState.COMPLETE}
    assert TrialState.STOPPED in {r.state for r in stopped.records}


def test_a_rung_without_a_finite_value_is_a_failure(tmp_path):
    class Broken(Growing):
        def evaluate(self, spec):
            result = super().evaluate(spec)
            return replace(result, metrics={**result.metrics, "accuracy": math.nan})

    stopping = Stopping(num_trials=4, max_failed_share=1.0)
    task = replace(rungs_task(4, evaluator=Broken()), stopping=stopping)

    summary = search(task, tmp_path)

    assert {r.state for r in summary.records} == {TrialState.FAILED}
    assert {r.failure.kind for r in summary.records} == {FailureKind.NONFINITE}


def test_a_worker_lost_at_a_rung_costs_that_rung_alone(tmp_path):
    class Flaky(Growing):
        has_lost = False

        def evaluate(self, spec):
            result = super().evaluate(spec)
            if spec.budget == 0.5 and not self.has_lost:
                self.has_lost = True
                failure = Failure(FailureKind.LOST, "gone")
                return replace(result, state=TrialState.FAILED, failure=failure)
            return result

    evaluator = Flaky()
    summary = search(rungs_task(12, evaluator=evaluator), tmp_path)

    asked = [(spec.number, spec.budget) for spec in evaluator.orders]
    twice = {pair for pair in asked if asked.count(pair) > 1}
    assert len(twice) == 1
    assert {budget for _, budget in twice} == {0.5}
    assert len(summary.records) == 12


def test_checkpoints_beyond_the_limit_cost_the_worst_trial_its_place(tmp_path):
    def waiting(number, accuracy):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "training.pt").write_bytes(b"0" * 100)
        metrics = {"accuracy": accuracy, "size_bytes": 10.0}
        rung = Rung(0.25, metrics, seconds=1.0)
        return TrialRecord(
            number, small_architecture(number), TrialState.RUNNING, {}, rungs=(rung,)
        )

    records = [waiting(0, 0.5), waiting(1, 0.3), waiting(2, 0.4)]
    rungs = Rungs(
        plan(max_checkpoint_bytes=250),
        objectives=OBJECTIVES,
        study=None,
        records=records,
        checkpoints=tmp_path,
    )

    assert rungs.to_stop(records, []) == [1]


def small_architecture(number):
    return Architecture({"depth": number})


@pytest.mark.parametrize("shares", [(1.0,), (0.5, 0.25, 1.0), (0.0, 1.0), (0.25, 0.5)])
def test_shares_that_do_not_ascend_to_the_whole_are_refused(shares):
    with pytest.raises(ConfigError, match=r"fidelity\.shares must ascend from above 0 to 1"):
        RungPlan(shares=shares, make_decider=lambda study: GoOn())


def test_after_the_end_no_checkpoint_is_left(tmp_path):
    class Saving(Growing):
        def evaluate(self, spec):
            folder = Path(spec.checkpoint)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "training.pt").write_bytes(b"state")
            return super().evaluate(spec)

    search(rungs_task(12, evaluator=Saving()), tmp_path)

    assert list((tmp_path / "checkpoints").iterdir()) == []
