"""Weights and records under kills at the worst moment, and weights that are gone."""

import json
import shutil
import time
from dataclasses import replace

import pytest
from parts.engine import OBJECTIVES, ClosedForm, RecordingView, random_sampler, search, small_task

from nas.architecture import Architecture
from nas.engine.front_keeper import FrontKeeper
from nas.engine.loop import SearchLoop
from nas.engine.weights import FrontWeights
from nas.execution.inline import InlineBackend
from nas.record.run_folder import RunFolder
from nas.report.front import front_records
from nas.study.journal import load_records
from nas.study.record import StudyRecord
from nas.trial import Failure, FailureKind, TrialRecord, TrialResult, TrialState, Variant


class WithWeights(ClosedForm):
    """Brings weights of itself and of one variant."""

    brings_weights = True

    def evaluate(self, spec):
        result = super().evaluate(spec)
        metrics = {**result.metrics, "size_bytes": result.metrics["size_bytes"] / 4}
        variant = Variant("int8", metrics, weights=b"int8 " + spec.architecture.id.encode())
        return replace(result, weights=spec.architecture.id.encode(), variants=(variant,))


class Broken(ClosedForm):
    brings_weights = True

    def evaluate(self, spec):
        failure = Failure(FailureKind.ERROR, "the GPU is gone")
        return replace(super().evaluate(spec), state=TrialState.FAILED, failure=failure)


class KillError(BaseException):
    """Ends a search as a kill would: nothing catches it."""


class KilledBeforeWriting(StudyRecord):
    """Writes every second ending at most, and dies with one that was told but not written."""

    def __init__(self, *arguments, survives, **options):
        super().__init__(*arguments, **options)
        self._survives = survives
        self._held = []

    def finished(self, record, variants=()):
        self._held.append((record, variants))

    def acknowledged(self):
        if self._held and self._survives == 0:
            raise KillError
        for record, variants in self._held:
            self._survives -= 1
            super().finished(record, variants)
        self._held = []
        return super().acknowledged()


def expected(record):
    return (b"int8 " if record.variant else b"") + record.architecture.id.encode()


def check_members(run):
    members = front_records(load_records(run / "study.journal"), OBJECTIVES)
    found = {m.number: run / "models" / str(m.number) / "weights.safetensors" for m in members}
    assert members
    assert {n: path.read_bytes() for n, path in found.items()} == {
        m.number: expected(m) for m in members
    }


@pytest.mark.parametrize("survives", range(1, 16))
def test_a_kill_before_a_record_is_written_takes_no_weights_of_the_recorded_front(
    tmp_path, survives
):
    run = tmp_path / "run"
    run.mkdir()
    # One after the other, the seed such that many a trial beats members of the front.
    task = small_task(30, evaluator=WithWeights())
    record = KilledBeforeWriting(
        run / "study.journal",
        name="run",
        objectives=task.objectives,
        space=task.space,
        survives=survives,
    )
    doomed = SearchLoop(
        task, RunFolder(run), record, view=RecordingView(), publish=lambda records: None
    )

    with pytest.raises(KillError):
        doomed.run(InlineBackend)
    StudyRecord.flush(record)

    check_members(run)
    search(task, run)
    check_members(run)


def finished_run(tmp_path):
    run = tmp_path / "run"
    summary = search(small_task(30, evaluator=WithWeights()), run)
    check_members(run)
    return run, summary, front_records(summary.records, OBJECTIVES)


def test_members_whose_weights_are_gone_are_named_and_trained_again_under_their_numbers(tmp_path):
    run, before, members = finished_run(tmp_path)
    shutil.rmtree(run / "models")
    view = RecordingView()

    after = search(small_task(30, evaluator=WithWeights()), run, view=view)

    check_members(run)
    assert after.records == before.records
    assert after.without_weights == ()
    assert ", ".join(str(n) for n in sorted(m.number for m in members)) in view.messages[0]
    told = json.loads((run / "models" / str(members[0].number) / "trained_again.json").read_text())
    assert told["on_record"] == dict(members[0].metrics)


def test_a_variant_alone_that_lacks_its_weights_gets_them_by_training_its_network(tmp_path):
    run, before, members = finished_run(tmp_path)
    variant = next(member for member in members if member.variant)
    (run / "models" / str(variant.number) / "weights.safetensors").unlink()

    after = search(small_task(30, evaluator=WithWeights()), run)

    check_members(run)
    assert after.records == before.records


def test_members_that_cannot_be_trained_again_are_named_at_the_end_and_keep_their_record(tmp_path):
    run, before, members = finished_run(tmp_path)
    number = members[-1].number
    shutil.rmtree(run / "models" / str(number))
    view = RecordingView()

    after = search(small_task(30, evaluator=Broken()), run, view=view)

    assert after.without_weights == (number,)
    assert after.records == before.records
    assert f"trial {number} could not be trained again: the GPU is gone" in view.messages


def test_nothing_is_trained_again_where_that_is_not_wanted(tmp_path):
    run, _, members = finished_run(tmp_path)
    shutil.rmtree(run / "models")

    after = search(small_task(30, evaluator=Broken(), trains_again=False), run)

    assert after.without_weights == tuple(sorted(m.number for m in members))


def test_an_evaluator_without_weights_lacks_none(tmp_path):
    search(small_task(10), tmp_path / "run")

    assert search(small_task(10), tmp_path / "run").without_weights == ()


def test_a_trial_costs_little_where_the_front_has_thousands_of_members(tmp_path):
    keeper = FrontKeeper(FrontWeights(tmp_path / "models"), objectives=OBJECTIVES, records=())
    told = [
        TrialRecord(
            n,
            Architecture({"block": n}),
            TrialState.COMPLETE,
            {"accuracy": n / 3000, "size_bytes": float(n)},
        )
        for n in range(3000)
    ]
    before_s = time.process_time()

    for record in told:
        result = TrialResult(record.number, 0, record.state, record.metrics)
        keeper.save(result, [record])
        keeper.written([record])

    # 0.02 ms each; a walk through all members, as it once was, takes 3 ms each.
    assert (time.process_time() - before_s) / 3000 < 0.0005
    assert len(keeper.missing()) == 3000


class Tied(ClosedForm):
    """Gives all networks the same values."""

    def static_costs(self, architecture):
        return {"size_bytes": 1.0}

    def evaluate(self, spec):
        metrics = {"size_bytes": 1.0, "accuracy": 0.5}
        weights = spec.architecture.id.encode()
        return replace(super().evaluate(spec), metrics=metrics, weights=weights)


def test_all_members_of_equal_values_keep_their_weights(tmp_path):
    search(small_task(6, evaluator=Tied(), make_sampler=random_sampler), tmp_path / "run")

    check_members(tmp_path / "run")
    assert len(list((tmp_path / "run" / "models").iterdir())) == 6


def test_what_is_not_called_like_a_trial_stays_among_the_weights(tmp_path):
    models = tmp_path / "run" / "models"
    (models / "mine").mkdir(parents=True)
    (models / "notes.txt").write_text("mine")
    (models / "700").write_text("a file")

    search(small_task(30, evaluator=WithWeights()), tmp_path / "run")

    assert (models / "mine").is_dir()
    assert (models / "notes.txt").read_text() == "mine"
    assert (models / "700").read_text() == "a file"


def test_a_run_brought_from_its_database_to_another_folder_gets_its_weights_again(
    tmp_path,
):
    url = f"sqlite:///{tmp_path}/studies.db"
    here, there = tmp_path / "here" / "run", tmp_path / "there" / "run"
    before = search(small_task(30, evaluator=WithWeights()), here, storage_url=url)
    members = sorted(m.number for m in front_records(before.records, OBJECTIVES))
    view = RecordingView()

    untrained = search(
        small_task(30, evaluator=WithWeights(), trains_again=False), there, storage_url=url
    )
    after = search(small_task(30, evaluator=WithWeights()), there, view=view, storage_url=url)

    assert untrained.without_weights == tuple(members)
    assert ", ".join(map(str, members)) in view.messages[0]
    check_members(there)
    assert after.records == before.records
