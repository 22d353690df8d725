import json
from dataclasses import replace

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from parts.engine import OBJECTIVES, SMALL, accuracy_of, size_of
from parts.processes import no_file_beyond

from nas.errors import RunFolderError
from nas.sampling.distributions import flat_distributions
from nas.space.space import SearchSpace
from nas.study.journal import StudyJournal, load_records, load_study
from nas.study.optuna_trial import OPTUNA_STATES
from nas.trial import Failure, FailureKind, TrialRecord, TrialState

SPACE = SearchSpace(SMALL)
ARCHITECTURES = list(SPACE.enumerate())
FAILURE = Failure(FailureKind.ERROR, "ValueError: bad", "Traceback\n  line")


def open_journal(path, name="run"):
    return StudyJournal(
        path, name=name, objectives=OBJECTIVES, distributions=flat_distributions(SPACE)
    )


def started(number):
    architecture = ARCHITECTURES[number]
    return TrialRecord(
        number=number,
        architecture=architecture,
        state=TrialState.RUNNING,
        metrics={"size_bytes": size_of(architecture)},
        started_s=1_700_000_000.25 + number,
        sampler_notes={"Sampler:generation": number // 3},
    )


def ended(record, state=TrialState.COMPLETE):
    failure = FAILURE if state is TrialState.FAILED else None
    metrics = {**record.metrics, "seconds": 1.5}
    if failure is None:
        metrics["accuracy"] = accuracy_of(record.architecture)
    return replace(
        record,
        state=state,
        metrics=metrics,
        seconds=1.5,
        failure=failure,
        finished_s=record.started_s + 2.0,
    )


def write(path, states):
    """Write a trial for each state; return the records."""
    journal, records = open_journal(path), []
    for number, state in enumerate(states):
        record = started(number)
        journal.started(record)
        if state is not TrialState.RUNNING:
            record = ended(record, state)
            journal.finished(record)
        records.append(record)
    journal.noted("Sampler:parents", [0, 1])
    journal.close()
    return records


def test_what_is_written_is_read_back(tmp_path):
    path = tmp_path / "study.journal"

    records = write(path, list(TrialState))

    assert load_records(path) == records
    assert load_study(path).notes == {"Sampler:parents": [0, 1]}


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(list(TrialState)), min_size=1, max_size=12))
def test_any_sequence_of_states_is_read_back(tmp_path_factory, states):
    path = tmp_path_factory.mktemp("journal") / "study.journal"

    assert write(path, states) == load_records(path)


def test_our_lines_make_the_study_that_optunas_own_calls_make(tmp_path):
    ours, theirs = tmp_path / "ours.journal", tmp_path / "theirs.journal"
    records = write(ours, list(TrialState))

    storage = JournalStorage(JournalFileBackend(str(theirs)))
    study = optuna.create_study(
        storage=storage, study_name="run", directions=["maximize", "minimize"]
    )
    flat = flat_distributions(SPACE)
    for record in records:
        trial = study.ask({name: flat[name] for name in record.architecture})
        architecture = record.architecture
        for name, value in architecture.items():  # ask has drawn others
            storage.set_trial_param(
                trial._trial_id, name, flat[name].to_internal_repr(value), flat[name]
            )
        storage.set_trial_user_attr(trial._trial_id, "architecture_id", architecture.id)
        for name, value in record.metrics.items():
            storage.set_trial_user_attr(trial._trial_id, name, value)
        for name, value in record.sampler_notes.items():
            storage.set_trial_system_attr(trial._trial_id, name, value)
        if record.state is TrialState.RUNNING:
            continue
        storage.set_trial_user_attr(trial._trial_id, "budget", record.budget)
        if record.failure is not None:
            for name, value in [
                ("failure_kind", "error"),
                ("failure", FAILURE.message),
                ("traceback", FAILURE.traceback),
            ]:
                storage.set_trial_user_attr(trial._trial_id, name, value)
        is_complete = record.state is TrialState.COMPLETE
        values = [accuracy_of(architecture), size_of(architecture)]
        study.tell(trial, values if is_complete else None, state=OPTUNA_STATES[record.state])

    assert [_content(t) for t in _trials(ours)] == [_content(t) for t in _trials(theirs)]


def _trials(path):
    storage = JournalStorage(JournalFileBackend(str(path)))
    return optuna.load_study(study_name="run", storage=storage).trials


def _content(trial):
    return (
        trial.number,
        trial._trial_id,
        trial.state,
        trial.values,
        trial.params,
        {name: trial.distributions[name] for name in trial.params},
        trial.user_attrs,
        trial.system_attrs,
        trial.datetime_complete is None,
    )


def test_optuna_finds_the_front_in_the_journal(tmp_path):
    path = tmp_path / "study.journal"
    records = write(path, [TrialState.COMPLETE] * 30 + [TrialState.FAILED] * 3)

    storage = JournalStorage(JournalFileBackend(str(path)))
    best = optuna.load_study(study_name="run", storage=storage).best_trials

    complete = [(r.number, r.metrics["accuracy"], r.metrics["size_bytes"]) for r in records[:30]]
    front = [
        p[0]
        for p in complete
        if not any(q[1] >= p[1] and q[2] <= p[2] and q[1:] != p[1:] for q in complete)
    ]
    assert sorted(t.number for t in best) == sorted(front)


@pytest.mark.parametrize("cut", [1, 2, 40, 300])
def test_a_cut_anywhere_loses_whole_lines_only(tmp_path, cut):
    path = tmp_path / "study.journal"
    records = write(path, [TrialState.COMPLETE] * 8)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - cut)
    kept = path.read_bytes().split(b"\n")[:-1]

    readable = load_records(path)
    journal = open_journal(path)
    journal.started(started(len(readable)))
    journal.close()

    assert [r.architecture for r in readable] == [r.architecture for r in records[: len(readable)]]
    assert path.read_bytes().split(b"\n")[: len(kept)] == kept
    assert len(load_records(path)) == len(readable) + 1


def test_a_trial_is_acknowledged_only_when_it_is_on_disk(tmp_path):
    path = tmp_path / "study.journal"
    journal = open_journal(path)
    journal.started(started(0))
    journal.finished(ended(started(0)))

    acknowledged = []
    while not acknowledged:
        acknowledged = journal.acknowledged()
    on_disk = load_records(path)
    journal.close()

    assert acknowledged == on_disk == [ended(started(0))]


def test_a_journal_of_another_study_is_refused(tmp_path):
    write(tmp_path / "study.journal", [TrialState.COMPLETE])

    with pytest.raises(RunFolderError, match="holds the study 'run', not 'other'"):
        open_journal(tmp_path / "study.journal", name="other")


def test_a_stale_lock_of_a_killed_driver_does_not_hold_the_next_one_up(tmp_path):
    path = tmp_path / "study.journal"
    write(path, [TrialState.COMPLETE])
    path.with_name("study.journal.lock").symlink_to(path)

    journal = open_journal(path)
    journal.started(started(1))
    journal.close()

    assert len(load_records(path)) == 2


def test_a_full_disk_ends_with_a_clear_message_and_a_readable_record(tmp_path):
    path = tmp_path / "study.journal"
    write(path, [TrialState.COMPLETE] * 3)
    journal = open_journal(path)
    room = path.stat().st_size + 100  # the next line is cut in its middle
    with no_file_beyond(room):
        journal.started(started(3))
        with pytest.raises(RunFolderError, match="free the disk and resume"):
            journal.close()

    assert len(load_records(path)) == 3
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_a_missing_journal_is_named(tmp_path):
    with pytest.raises(RunFolderError, match="is it the folder of a run"):
        load_records(tmp_path / "study.journal")


def test_from_which_trial_another_one_started_is_read_back_from_its_start_on(tmp_path):
    path = tmp_path / "study.journal"
    journal = open_journal(path)
    records = [replace(started(0), inherited_from=None), replace(started(1), inherited_from=0)]
    for record in records:
        journal.started(record)
    journal.close()

    assert [record.inherited_from for record in load_records(path)] == [None, 0]


def test_a_relative_that_is_no_number_of_a_trial_is_damage(tmp_path):
    path = tmp_path / "study.journal"
    journal = open_journal(path)
    journal.started(replace(started(0), inherited_from=0))
    journal.close()
    path.write_text(path.read_text().replace('"inherited_from":0', '"inherited_from":"x"'))

    with pytest.raises(RunFolderError, match="inherited_from is"):
        load_records(path)
