import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from parts.engine import ClosedForm, front_of, ids, nsga2_sampler, search, small_task
from parts.mariadb import Server, is_installed

from nas.study.database import load_from_database, opened

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("pymysql", reason="the driver is not installed: nas[database]")
    if not is_installed():
        pytest.skip("MariaDB's programs are not installed: apt install mariadb-server")
    with tempfile.TemporaryDirectory(prefix="nas-mariadb-") as folder:
        server = Server(Path(folder))
        yield server
        server.stop()


def without_times(records):
    """Return records without their times of day, which MySQL keeps to the second."""
    return [replace(record, started_s=0.0, finished_s=0.0) for record in records]


def load(url, name):
    with opened(url) as storage:
        return load_from_database(storage, name).records


def test_a_search_is_mirrored_in_mysql_and_goes_on_from_there_alone(tmp_path, server):
    here, there = tmp_path / "here" / "one", tmp_path / "there" / "one"
    first = search(small_task(30, make_sampler=nsga2_sampler), here, storage_url=server.url)
    mirrored = load(server.url, "one")

    task = small_task(45, make_sampler=nsga2_sampler)
    second = search(task, there, storage_url=server.url)

    assert without_times(mirrored) == without_times(first.records)
    assert without_times(second.records[:30]) == without_times(first.records)
    assert len(set(ids(second.records))) == 45
    with opened(server.url) as storage:
        study = optuna.load_study(study_name="one", storage=storage)
        best = {t.user_attrs["architecture_id"] for t in study.best_trials}
    assert best == {member[0] for member in front_of(second.records)}


def test_a_mysql_server_that_dies_and_comes_back_has_lost_nothing(tmp_path, server):
    def interrupt():
        time.sleep(1.0)
        server.kill()
        time.sleep(3.0)
        server.start()

    outage = threading.Thread(target=interrupt)
    outage.start()
    task = small_task(60, evaluator=ClosedForm(0.05))
    summary = search(task, tmp_path / "outage", storage_url=server.url)
    outage.join()

    assert without_times(load(server.url, "outage")) == without_times(summary.records)
