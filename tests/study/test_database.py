import platform
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
import sqlalchemy as sa
from parts.engine import (
    OBJECTIVES,
    SMALL,
    ClosedForm,
    RecordingView,
    accuracy_of,
    ids,
    nsga2_sampler,
    search,
    size_of,
    small_task,
)
from parts.processes import lines, start_driver, wait_until

from nas.errors import ConfigError, RunFolderError
from nas.sampling.distributions import flat_distributions
from nas.space.space import SearchSpace
from nas.study.database import StudyTables, load_from_database, opened
from nas.study.journal import load_records
from nas.study.lease import DatabaseLease
from nas.study.optuna_trial import OPTUNA_STATES
from nas.study.record import restore_files
from nas.trial import Failure, FailureKind, TrialRecord, TrialState

SPACE = SearchSpace(SMALL)
ARCHITECTURES = list(SPACE.enumerate())
CAPTURED = {"capture_output": True, "check": True}
FAILURE = Failure(FailureKind.TIMEOUT, "too slow", "Traceback")


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/studies.db"


def started(number):
    architecture = ARCHITECTURES[number]
    return TrialRecord(
        number,
        architecture,
        TrialState.RUNNING,
        {"size_bytes": size_of(architecture)},
        started_s=1_700_000_000.25 + number,
        sampler_notes={"Sampler:generation": number},
    )


def ended(number, state):
    record = started(number)
    failure = FAILURE if state is TrialState.FAILED else None
    metrics = {**record.metrics, "seconds": 2.0}
    if failure is None:
        metrics["accuracy"] = accuracy_of(record.architecture)
    return replace(
        record,
        state=state,
        metrics=metrics,
        seconds=2.0,
        failure=failure,
        finished_s=record.started_s + 1,
    )


def read(url, name="run"):
    with opened(url) as storage:
        return load_from_database(storage, name)


@pytest.fixture
def storage(url):
    with opened(url) as storage:
        yield storage


def tables(storage, name="run"):
    return StudyTables(
        storage, name=name, objectives=OBJECTIVES, distributions=flat_distributions(SPACE)
    )


def test_what_is_written_in_bulk_is_what_optunas_own_call_writes(storage):
    records = [ended(i, state) for i, state in enumerate([*TrialState] * 2) if i not in (0, 4)]
    records = [replace(r, number=i) for i, r in enumerate(records)]
    bulk = tables(storage)
    bulk.write([started_of(r) for r in records])
    bulk.write(records)
    single = optuna.create_study(
        storage=storage, study_name="single", directions=["maximize", "minimize"]
    )
    flat = flat_distributions(SPACE)
    for trial in optuna.load_study(study_name="run", storage=storage).get_trials():
        record = records[trial.number]
        is_complete = record.state is TrialState.COMPLETE
        values = [accuracy_of(record.architecture), size_of(record.architecture)]
        single.add_trial(
            optuna.trial.FrozenTrial(
                number=-1,
                trial_id=-1,
                state=OPTUNA_STATES[record.state],
                value=None,
                values=values if is_complete else None,
                datetime_start=trial.datetime_start,
                datetime_complete=trial.datetime_complete,
                params=dict(record.architecture),
                distributions={name: flat[name] for name in record.architecture},
                user_attrs=trial.user_attrs,
                system_attrs=dict(record.sampler_notes),
                intermediate_values={},
            )
        )

    assert load_from_database(storage, "run").records == records
    assert load_from_database(storage, "single").records == records
    ours, theirs = (_rows(storage.engine, name) for name in ("run", "single"))
    assert ours == theirs


def started_of(record):
    return replace(
        record,
        state=TrialState.RUNNING,
        metrics={"size_bytes": record.metrics["size_bytes"]},
        seconds=0.0,
        failure=None,
        finished_s=None,
    )


def _rows(engine, name):
    """Return what every table of Optuna says about a study, without its keys."""
    queries = {
        "trials": "select number, state, datetime_start, datetime_complete from trials t",
        "values": "select number, objective, value, value_type from trial_values v "
        "join trials t on t.trial_id = v.trial_id",
        "params": "select number, param_name, param_value, distribution_json from trial_params p "
        "join trials t on t.trial_id = p.trial_id",
        "attributes": "select number, key, value_json from trial_user_attributes a "
        "join trials t on t.trial_id = a.trial_id",
        "notes": "select number, key, value_json from trial_system_attributes a "
        "join trials t on t.trial_id = a.trial_id",
    }
    where = " where t.study_id = (select study_id from studies where study_name = :name)"
    with engine.connect() as connection:
        return {
            table: sorted(map(tuple, connection.execute(sa.text(query + where), {"name": name})))
            for table, query in queries.items()
        }


def test_writing_twice_changes_nothing(storage):
    bulk = tables(storage)
    records = [ended(i, TrialState.COMPLETE) for i in range(5)]
    bulk.write(records)
    before = _rows(storage.engine, "run")

    bulk.write([started_of(r) for r in records])
    bulk.write(records)

    assert _rows(storage.engine, "run") == before


def test_a_search_is_mirrored_while_it_runs_and_whole_when_it_ends(tmp_path, url):
    summary = search(small_task(40, make_sampler=nsga2_sampler), tmp_path / "run", storage_url=url)

    assert read(url).records == list(summary.records)


def test_a_search_goes_on_elsewhere_from_the_database_alone(tmp_path, url):
    here, elsewhere = tmp_path / "here" / "run", tmp_path / "elsewhere" / "run"
    here.mkdir(parents=True)
    (here / "overrides.yaml").write_text("overrides: [seed=0]\n")
    first = search(small_task(20, make_sampler=nsga2_sampler), here, storage_url=url)

    found = restore_files(url, "run", elsewhere)
    second = search(small_task(30, make_sampler=nsga2_sampler), elsewhere, storage_url=url)

    assert found
    assert (elsewhere / "overrides.yaml").read_text() == "overrides: [seed=0]\n"
    assert second.records[:20] == first.records
    assert len(set(ids(second.records))) == 30
    assert load_records(elsewhere / "study.journal") == list(second.records)


def test_a_folder_that_fell_behind_the_database_is_brought_up_to_date(tmp_path, url):
    here, elsewhere = tmp_path / "here" / "run", tmp_path / "elsewhere" / "run"
    search(small_task(10), here, storage_url=url)
    ahead = search(small_task(20), elsewhere, storage_url=url)

    back = search(small_task(25), here, storage_url=url)

    assert back.records[:20] == ahead.records
    assert len(load_records(here / "study.journal.superseded")) == 10


def test_a_start_that_only_the_database_saw_is_no_part_of_the_next_trial(tmp_path, url, storage):
    first = search(small_task(5), tmp_path / "run", storage_url=url)
    ghosts = [replace(started(90 - i), number=5 + i) for i in range(3)]
    tables(storage).write(ghosts)  # and the driver was killed before its journal was written

    second = search(small_task(7), tmp_path / "run", storage_url=url)

    assert second.records[:5] == first.records
    assert not {r.architecture for r in second.records} & {g.architecture for g in ghosts}
    assert read(url).records == list(second.records)


def test_a_trial_that_runs_in_both_is_what_the_record_says(storage):
    bulk = tables(storage)
    bulk.write([ended(0, TrialState.COMPLETE), started(1), started(2)])
    other = replace(started(50), number=1)

    bulk.correct_starts([ended(0, TrialState.COMPLETE), other])

    records = load_from_database(storage, "run").records
    assert records == [ended(0, TrialState.COMPLETE), other]


def test_a_name_that_is_taken_in_the_database_is_refused_without_resume(tmp_path, url):
    search(small_task(5), tmp_path / "a" / "run", storage_url=url)

    with pytest.raises(RunFolderError, match="add resume=true"):
        search(small_task(5), tmp_path / "b" / "run", storage_url=url, resume=False)


def test_an_unreachable_database_is_named_without_its_password(tmp_path):
    url = "postgresql+psycopg://ann:secret@127.0.0.1:1/none"

    with pytest.raises(ConfigError, match=r"no database answers at storage\.url=") as error:
        search(small_task(5), tmp_path / "run", storage_url=url)

    assert "secret" not in str(error.value)


@pytest.mark.slow
def test_a_database_that_is_locked_for_a_while_delays_the_mirror_and_loses_nothing(
    tmp_path, url, monkeypatch
):
    monkeypatch.setattr("nas.study.database.SQLITE_TIMEOUT_S", 0.1)
    with opened(url):
        pass  # the tables are there
    engine = sa.create_engine(url)
    blocker = engine.connect()
    log = tmp_path / "ended"
    task = small_task(30, evaluator=ClosedForm(0.03, log=log))

    def block():
        while not log.exists():  # the database is open, and trials are written
            time.sleep(0.01)
        blocker.exec_driver_sql("begin exclusive")
        time.sleep(1.5)
        blocker.exec_driver_sql("commit")

    thread = threading.Thread(target=block)
    thread.start()
    summary = search(task, tmp_path / "run", storage_url=url)
    thread.join()
    blocker.close()
    engine.dispose()

    assert read(url).records == list(summary.records)


def test_a_lease_is_refused_while_its_holder_lives_and_taken_over_when_it_is_dead(storage):
    engine = storage.engine
    first = DatabaseLease(engine, "run")
    beating = threading.Event()

    def beat():
        while not beating.wait(0.05):
            first.beat()

    thread = threading.Thread(target=beat)
    thread.start()
    with pytest.raises(RunFolderError, match="another search writes the study 'run'"):
        DatabaseLease(engine, "run", patience_s=2.0)
    beating.set()
    thread.join()

    second = DatabaseLease(engine, "run", patience_s=0.5)  # the first is silent now

    assert second.beat()
    assert not first.beat()
    second.release()
    DatabaseLease(engine, "run", patience_s=60.0).release()  # no waiting for a free study


def test_a_holder_that_died_on_this_machine_is_not_waited_for(storage):
    died = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], **CAPTURED)
    DatabaseLease(storage.engine, "run")
    with storage.engine.begin() as connection:
        holder = f"{platform.node()} process {int(died.stdout)} (abc)"
        connection.execute(sa.text("update nas_leases set holder = :holder"), {"holder": holder})

    begin = time.monotonic()
    DatabaseLease(storage.engine, "run", patience_s=60.0)

    assert time.monotonic() - begin < 5.0


def test_a_driver_whose_study_was_taken_over_stops(tmp_path, url):
    def take(record):
        if record.number == 3:
            with opened(url) as storage, storage.engine.begin() as connection:
                connection.execute(sa.text("update nas_leases set holder = 'other'"))

    with pytest.raises(RunFolderError, match="took over the study 'run'"):
        search(
            small_task(90, evaluator=ClosedForm(0.1)),
            tmp_path / "run",
            storage_url=url,
            view=RecordingView(on_finished=take),
        )


@pytest.mark.slow
def test_a_killed_driver_is_resumed_on_another_machine_from_the_database(tmp_path, url):
    here, elsewhere = tmp_path / "here" / "run", tmp_path / "elsewhere" / "run"
    here.parent.mkdir()
    elsewhere.parent.mkdir()
    first = start_driver(here, "--seconds", 0.05, "--storage-url", url)
    acknowledged = Path(f"{here}.acknowledged")
    wait_until(lambda: len(lines(acknowledged)) >= 30)
    first.kill()
    first.wait()

    second = start_driver(elsewhere, "--num-trials", 60, "--storage-url", url)

    assert second.wait(timeout=120) == 0, lines(Path(f"{elsewhere}.output"))
    records = load_records(elsewhere / "study.journal")
    assert [r.number for r in records] == list(range(60))
    assert all(r.state is TrialState.COMPLETE for r in records)
    assert read(url).records == records
