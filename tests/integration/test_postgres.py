import tempfile
import threading
import time
from pathlib import Path

import optuna
import pytest
import sqlalchemy as sa
from parts.engine import ClosedForm, front_of, ids, nsga2_sampler, search, small_task
from parts.postgres import Server, find_programs

from nas.study.database import load_from_database, opened
from nas.study.journal import load_records

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server():
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs are not installed: apt install postgresql")
    # pytest's own folders are closed to other users, and PostgreSQL does not run as root.
    with tempfile.TemporaryDirectory(prefix="nas-postgres-") as folder:
        server = Server(Path(folder), programs)
        yield server
        server.stop()


def test_a_search_is_mirrored_in_postgresql(tmp_path, server):
    task = small_task(50, make_sampler=nsga2_sampler)

    summary = search(task, tmp_path / "mirrored", storage_url=server.url)

    with opened(server.url) as storage:
        assert load_from_database(storage, "mirrored").records == list(summary.records)
        study = optuna.load_study(study_name="mirrored", storage=storage)
        best = {t.user_attrs["architecture_id"] for t in study.best_trials}
    assert best == {member[0] for member in front_of(summary.records)}


def test_a_database_that_goes_away_for_a_while_delays_the_mirror_and_loses_nothing(
    tmp_path, server
):
    task = small_task(80, evaluator=ClosedForm(0.05))

    def interrupt():
        time.sleep(1.0)
        server.stop()
        time.sleep(5.0)  # the search ends meanwhile
        server.start()

    outage = threading.Thread(target=interrupt)
    outage.start()
    summary = search(task, tmp_path / "outage", storage_url=server.url)
    outage.join()

    assert len(summary.records) == 80
    assert load_records(tmp_path / "outage" / "study.journal") == list(summary.records)
    with opened(server.url) as storage:
        assert load_from_database(storage, "outage").records == list(summary.records)


def test_a_search_goes_on_from_postgresql_alone(tmp_path, server):
    task = small_task(20, make_sampler=nsga2_sampler)
    first = search(task, tmp_path / "here" / "moved", storage_url=server.url)

    second = search(
        small_task(35, make_sampler=nsga2_sampler),
        tmp_path / "elsewhere" / "moved",
        storage_url=server.url,
    )

    assert second.records[:20] == first.records
    assert len(set(ids(second.records))) == 35
    with opened(server.url) as storage, storage.engine.connect() as connection:
        assert connection.execute(sa.text("select count(*) from nas_leases")).scalar() == 0
