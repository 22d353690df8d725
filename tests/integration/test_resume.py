import os
import random
import signal
import sqlite3
import time
from contextlib import closing

import pytest
from parts.engine import NUM_SMALL, accuracy_of
from parts.processes import lines, start_driver, wait_until

from nas.study.database import load_from_database, opened
from nas.study.journal import load_records
from nas.trial import TrialState

BACKENDS = [
    pytest.param("inline", 5, id="inline"),
    pytest.param("ray", 2, marks=[pytest.mark.ray, pytest.mark.slow], id="ray"),
]


@pytest.mark.parametrize(("backend", "num_kills"), BACKENDS)
def test_a_driver_killed_again_and_again_loses_nothing_that_it_acknowledged(
    tmp_path, backend, num_kills
):
    run = tmp_path / "run"
    acknowledged = tmp_path / "run.acknowledged"
    chance = random.Random(7)
    arguments = ("--num-trials", 90, "--backend", backend, "--seconds", 0.01)
    for _ in range(num_kills):
        kill_after_some_trials(run, arguments, wait_s=chance.uniform(0.0, 0.1))

    last = start_driver(run, *arguments)

    assert last.wait(timeout=200) == 0, lines(tmp_path / "run.output")[-20:]
    records = load_records(run / "study.journal")
    assert [r.number for r in records] == list(range(90))
    assert len({r.architecture.id for r in records}) == 90
    assert all(r.state is TrialState.COMPLETE for r in records)
    assert all(r.metrics["accuracy"] == accuracy_of(r.architecture) for r in records)
    on_record = {f"{r.number} {r.architecture.id}" for r in records}
    assert set(lines(acknowledged)) <= on_record
    assert len(lines(acknowledged)) == len(set(lines(acknowledged)))


def kill_after_some_trials(run, arguments, *, wait_s):
    acknowledged = run.with_suffix(".acknowledged")
    before = len(lines(acknowledged))
    driver = start_driver(run, *arguments)
    wait_until(lambda: len(lines(acknowledged)) > before or driver.poll() is not None)
    time.sleep(wait_s)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()


@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
    ids=["ctrl_c", "sigterm", "sighup"],
)
def test_one_signal_ends_a_search_with_everything_finished_on_record(tmp_path, number):
    run = tmp_path / "run"
    driver = start_driver(run, "--seconds", 0.05)
    wait_until(lambda: len(lines(tmp_path / "run.acknowledged")) >= 5)

    os.kill(driver.pid, number)

    assert driver.wait(timeout=90) == 130
    ended = [r for r in load_records(run / "study.journal") if r.state is TrialState.COMPLETE]
    evaluated = [line.split()[1] for line in lines(tmp_path / "run.evaluated")]
    assert [r.architecture.id for r in ended] == evaluated
    rest = start_driver(run, "--num-trials", len(ended) + 10)
    assert rest.wait(timeout=120) == 0
    assert len(load_records(run / "study.journal")) == len(ended) + 10


@pytest.mark.slow
def test_a_search_that_was_stopped_and_continued_loses_nothing(tmp_path):
    run = tmp_path / "run"
    driver = start_driver(run, "--seconds", 0.05, "--num-trials", 30)
    wait_until(lambda: len(lines(tmp_path / "run.acknowledged")) >= 3)

    os.kill(driver.pid, signal.SIGSTOP)
    time.sleep(1.0)
    while_stopped = len(lines(tmp_path / "run.acknowledged"))
    os.kill(driver.pid, signal.SIGCONT)

    assert driver.wait(timeout=90) == 0
    assert while_stopped < 30
    records = load_records(run / "study.journal")
    assert [r.state for r in records] == [TrialState.COMPLETE] * 30


def test_the_echo_of_a_closed_terminal_is_no_second_signal(tmp_path):
    run = tmp_path / "run"
    driver = start_driver(run, "--seconds", 0.6)
    wait_until(lambda: (run / "study.journal").exists() and load_started(run))

    os.kill(driver.pid, signal.SIGTERM)
    time.sleep(0.05)
    os.kill(driver.pid, signal.SIGHUP)

    assert driver.wait(timeout=90) == 130
    ended = [r for r in load_records(run / "study.journal") if r.state is TrialState.COMPLETE]
    assert len(ended) == len(lines(tmp_path / "run.evaluated"))


def test_a_second_ctrl_c_stops_at_once(tmp_path):
    run = tmp_path / "run"
    driver = start_driver(run, "--seconds", 30)
    wait_until(lambda: (run / "study.journal").exists() and load_started(run))

    begin = time.monotonic()
    os.kill(driver.pid, signal.SIGINT)
    time.sleep(0.3)
    still_runs = driver.poll() is None
    os.kill(driver.pid, signal.SIGINT)

    assert driver.wait(timeout=60) == 130
    assert still_runs
    assert time.monotonic() - begin < 20  # the training would take 30
    assert load_records(run / "study.journal")[0].state is TrialState.RUNNING


@pytest.mark.slow
def test_ctrl_c_while_a_search_waits_for_its_database_ends_it_with_all_on_disk(tmp_path):
    run, database = tmp_path / "run", tmp_path / "studies.db"
    acknowledged = tmp_path / "run.acknowledged"
    script = ("--num-trials", 30, "--seconds", 0.03, "--storage-url", f"sqlite:///{database}")
    driver = start_driver(run, *script)
    wait_until(lambda: len(lines(acknowledged)) >= 3)
    with closing(sqlite3.connect(database, timeout=30)) as blocker:
        blocker.execute("begin exclusive")
        wait_until(lambda: len(lines(acknowledged)) == 30)
        time.sleep(1.0)  # the loop is over; the copy waits, two minutes at most
        still_waits = driver.poll() is None

        os.kill(driver.pid, signal.SIGINT)

        assert driver.wait(timeout=90) == 130
    assert still_waits
    records = load_records(run / "study.journal")
    assert [r.state for r in records] == [TrialState.COMPLETE] * 30
    assert start_driver(run, *script).wait(timeout=120) == 0
    with opened(f"sqlite:///{database}") as storage:
        assert load_from_database(storage, "run").records == records


def load_started(run):
    return b"datetime_start" in (run / "study.journal").read_bytes()


@pytest.mark.ray
@pytest.mark.slow
def test_ctrl_c_to_the_whole_process_group_lets_ray_workers_be_ended_in_order(tmp_path):
    run = tmp_path / "run"
    driver = start_driver(run, "--seconds", 0.2, "--backend", "ray")
    wait_until(lambda: len(lines(tmp_path / "run.acknowledged")) >= 4)

    os.killpg(driver.pid, signal.SIGINT)

    assert driver.wait(timeout=90) == 130
    records = load_records(run / "study.journal")
    assert {r.state for r in records} <= {TrialState.COMPLETE, TrialState.RUNNING}
    workers = {int(line.split()[2]) for line in lines(tmp_path / "run.evaluated")}
    wait_until(lambda: not any(_lives(pid) for pid in workers), timeout_s=20)


def _lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_second_driver_is_refused_and_takes_over_when_the_first_is_dead(tmp_path):
    run = tmp_path / "run"
    first = start_driver(run, "--seconds", 2.0)
    wait_until(lambda: len(lines(tmp_path / "run.acknowledged")) >= 1)

    second = start_driver(run, "--num-trials", NUM_SMALL)
    refused = second.wait(timeout=90)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    third = start_driver(run, "--num-trials", NUM_SMALL)

    assert refused == 2
    assert any("another search writes" in line for line in lines(tmp_path / "run.output"))
    assert third.wait(timeout=120) == 0
    assert len(load_records(run / "study.journal")) == NUM_SMALL
