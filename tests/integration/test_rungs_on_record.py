"""Rungs on record: in the journal, in a database, for Optuna's own readers."""

from dataclasses import replace

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from parts.engine import OBJECTIVES, SMALL, RecordingView, ids, search, small_task

from nas.engine.rungs import GoOn, RungPlan
from nas.errors import RunFolderError
from nas.sampling.distributions import flat_distributions
from nas.space.space import SearchSpace
from nas.study.journal import StudyJournal, load_records
from nas.trial import Rung, TrialRecord, TrialResult, TrialState

SPACE = SearchSpace(SMALL)
STARTED = TrialRecord(0, next(SPACE.enumerate()), TrialState.RUNNING, {"size_bytes": 7.0})
FIRST = Rung(0.25, {"size_bytes": 7.0, "accuracy": 0.5}, seconds=1.5, finished_s=10.0)
SECOND = Rung(0.5, {"size_bytes": 7.0, "accuracy": 0.6}, seconds=2.5, finished_s=11.0)


def open_journal(path):
    return StudyJournal(
        path, name="run", objectives=OBJECTIVES, distributions=flat_distributions(SPACE)
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "study.journal"


def write(path, *rungs):
    journal, record = open_journal(path), STARTED
    journal.started(record)
    for rung in rungs:
        record = replace(record, rungs=(*record.rungs, rung))
        journal.reached(record)
    journal.close()
    return record


def test_a_trial_that_waits_reads_back_with_its_rungs(path):
    written = write(path, FIRST, SECOND)

    assert load_records(path) == [written]
    assert load_records(path)[0].reached == 0.5


def test_what_settled_is_on_disk_before_the_journal_is_closed(path):
    journal = open_journal(path)
    journal.started(STARTED)
    journal.reached(replace(STARTED, rungs=(FIRST,)))

    journal.settle()

    assert load_records(path)[0].rungs == (FIRST,)
    assert [record.reached for record in journal.acknowledged()] == [0.25]
    journal.close()


def test_a_stopped_trial_is_pruned_for_optuna_and_keeps_its_rungs(path):
    record = write(path, FIRST)
    stopped = replace(
        record, state=TrialState.STOPPED, metrics=FIRST.metrics, budget=0.25, seconds=1.5
    )
    journal = open_journal(path)
    journal.finished(stopped)
    journal.close()

    study = optuna.load_study(
        study_name="run", storage=JournalStorage(JournalFileBackend(str(path)))
    )
    assert [t.state for t in study.trials] == [optuna.trial.TrialState.PRUNED]
    assert study.trials[0].user_attrs["rung:0.25"]["metrics"]["accuracy"] == 0.5
    assert load_records(path)[0].rungs == (FIRST,)


def test_a_rung_that_is_none_is_refused_with_its_line(path):
    write(path, FIRST)
    path.write_text(path.read_text().replace('"seconds":1.5', '"seconds":"long"'))

    with pytest.raises(RunFolderError, match=r"line 3.*rung:0\.25"):
        load_records(path)


class Growing:
    """Accuracy is the share of the training that was spent."""

    def __init__(self):
        self.orders = []

    def static_costs(self, architecture):
        return {"size_bytes": float(int(architecture.id[:8], 16))}

    def prepare(self):
        pass

    def evaluate(self, spec):
        self.orders.append((spec.number, spec.budget))
        state = TrialState.STOPPED if spec.budget < 1 else TrialState.COMPLETE
        metrics = {**spec.static_costs, "accuracy": spec.budget}
        return TrialResult(spec.number, spec.attempt, state, metrics, budget=spec.budget)


def rungs_task(evaluator, num_trials=8):
    plan = RungPlan((0.25, 1.0), lambda study: GoOn(), stops_hopeless=False)
    return small_task(num_trials, evaluator=evaluator, rungs=plan)


def interrupt(record):
    raise KeyboardInterrupt


def test_a_search_goes_on_from_a_database_without_training_a_rung_twice(tmp_path):
    url = f"sqlite:///{tmp_path}/studies.db"
    before, view = Growing(), RecordingView()
    view.on_finished = interrupt
    with pytest.raises(KeyboardInterrupt):
        search(rungs_task(before), tmp_path / "run", view=view, storage_url=url)
    known = load_records(tmp_path / "run/study.journal")
    (tmp_path / "run/study.journal").unlink()

    after = Growing()
    summary = search(rungs_task(after), tmp_path / "run", storage_url=url)

    on_record = {(r.number, rung.budget) for r in known for rung in r.rungs}
    assert on_record
    assert on_record.isdisjoint(after.orders)
    assert ids(summary.records)[: len(known)] == ids(known)
    assert {r.state for r in summary.records} == {TrialState.COMPLETE}
