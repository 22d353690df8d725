import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from parts.engine import OBJECTIVES

from nas.errors import ConfigError
from nas.study.database import StudyTables, opened
from nas.study.database_race import made_by_another
from nas.study.lease import DatabaseLease

NUM_DRIVERS = 4
TABLE_THERE = sa.exc.OperationalError("CREATE TABLE t", {}, Exception("table t already exists"))
DEAD = sa.exc.OperationalError("SELECT 1", {}, Exception("connection refused"))


def test_drivers_that_meet_a_new_database_at_one_moment_all_get_in(tmp_path):
    starts = threading.Barrier(NUM_DRIVERS)

    def drive(number):
        starts.wait()
        with opened(f"sqlite:///{tmp_path}/new.db") as storage:
            name = "shared" if number % 2 else f"own-{number}"
            StudyTables(storage, name=name, objectives=OBJECTIVES, distributions={})
            DatabaseLease(storage.engine, f"lease-{number}").release()
            return name

    with ThreadPoolExecutor(NUM_DRIVERS) as drivers:
        assert list(drivers.map(drive, range(NUM_DRIVERS))) == [
            "own-0",
            "shared",
            "own-2",
            "shared",
        ]


def test_what_another_one_made_meanwhile_is_taken():
    answers = iter([TABLE_THERE, TABLE_THERE, None])
    calls = []

    def make():
        calls.append(1)
        fault = next(answers)
        raise_if(fault)
        return "made"

    assert made_by_another(make) == "made"
    assert len(calls) == 3


def test_a_dead_database_is_not_asked_again():
    calls = []

    def make():
        calls.append(1)
        raise DEAD

    with pytest.raises(sa.exc.OperationalError, match="connection refused"):
        made_by_another(make)
    assert len(calls) == 1


def test_a_folder_in_place_of_a_database_is_refused_at_once(tmp_path):
    with pytest.raises(ConfigError, match="no database answers"), opened(f"sqlite:///{tmp_path}"):
        raise AssertionError("a folder was opened")


def raise_if(fault):
    for error in [fault] if fault else []:
        raise error
