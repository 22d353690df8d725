"""A run, and the same run again."""

import json

from nas.record.changes import changed_environment
from nas.record.environment import collect_environment


def test_a_run_with_one_worker_comes_again_exactly(nas, table_words, launch_folder):
    nas("search", *table_words, "name=first", "seed=7")

    status, shown, _ = nas("reproduce", "run=runs/first")

    assert status == 0
    assert "5 of 5 proposals are the same" in shown
    assert "5 of the first 5 have exactly the same objectives" in shown
    assert (launch_folder / "runs/first-again/front.csv").read_text() == (
        launch_folder / "runs/first/front.csv"
    ).read_text()


def test_a_search_begins_with_what_a_run_was_told(nas, table_words, launch_folder):
    nas("search", *table_words, "name=first", "seed=7")

    status, _, _ = nas("search", "--config-path", "runs/first", "name=second")
    nas("search", "--config-path", "runs/first", "name=third", "seed=8")

    fronts = [
        (launch_folder / "runs" / name / "trials.csv").read_text().splitlines()
        for name in ("first", "second", "third")
    ]
    proposed = [[line.split(",")[3] for line in lines] for lines in fronts]
    assert status == 0
    assert proposed[0] == proposed[1] != proposed[2]


def test_run_and_files_to_begin_with_exclude_each_other(nas):
    status, _, told = nas("search", "--config-path", "runs/first", "--config-name", "mine")

    assert status == 2
    assert "cannot be given beside it" in told


def test_what_is_other_on_this_machine_is_listed(nas, table_words, launch_folder):
    nas("search", *table_words, "name=first")
    path = launch_folder / "runs/first/environment.json"
    content = json.loads(path.read_text())
    content["packages"]["torch"] = "1.0"
    path.write_text(json.dumps(content))

    _, shown, _ = nas("reproduce", "run=runs/first", "into=runs/second")

    assert "torch was 1.0 and is now" in shown
    assert (launch_folder / "runs/second/study.journal").is_file()


def test_the_same_environment_has_no_changes(tmp_path):
    from nas.record.environment import read_environment, write_environment

    now = collect_environment()
    write_environment(tmp_path / "environment.json", now)

    assert changed_environment(read_environment(tmp_path / "environment.json"), now) == []


def test_unknown_environment_is_said():
    assert changed_environment({}, collect_environment()) == [
        "the run does not say on what it ran"
    ]


def test_run_that_is_not_there_is_the_users_fault(nas):
    status, _, told = nas("reproduce", "run=runs/none")

    assert status == 2
    assert "does not exist" in told


def test_place_that_is_taken_is_refused(nas, table_words):
    nas("search", *table_words, "name=first")

    status, _, told = nas("reproduce", "run=runs/first", "into=runs/first")

    assert status == 2
    assert "exists already" in told
