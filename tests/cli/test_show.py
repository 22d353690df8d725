import json
from dataclasses import fields, replace
from types import SimpleNamespace

from nas.architecture import Architecture
from nas.cli.run_view import RunView
from nas.cli.show import _architecture_rows
from nas.record.artefacts import ArtefactRow, write_artefacts
from nas.record.lease import Lease
from nas.record.run_folder import LEASE, RunFolder
from nas.record.winners import WinnerRow, write_winners
from nas.study.journal import load_records
from nas.trial import TrialRecord, TrialState


def best_of(run):
    return max(load_records(run / "study.journal"), key=lambda r: r.metrics["quality"])


def test_a_run_is_shown_with_its_states_its_front_and_what_to_do_next(nas, table_run):
    status, shown, told = nas("show", "runs/t")

    assert (status, told) == (0, "")
    assert shown.startswith("t: 5 trials (5 complete)\n")
    assert "quality" in shown
    assert "nas pick runs/t" in shown


def test_a_run_is_read_and_nothing_is_written(nas, table_run):
    before = {path: path.stat().st_mtime_ns for path in table_run.rglob("*")}

    nas("show", "runs/t")
    nas("pick", "runs/t")

    assert {path: path.stat().st_mtime_ns for path in table_run.rglob("*")} == before


def test_a_trial_is_shown_with_all_that_was_measured_and_its_architecture(nas, table_run):
    best = best_of(table_run)

    _, shown, _ = nas("show", "runs/t", f"trial={best.number}")

    assert shown.startswith(f"Trial {best.number} of t: complete, on the front (")
    lines = [line.split() for line in shown.splitlines()]
    assert ["a", str(best.architecture["a"])] in lines
    assert ["b", str(best.architecture["b"])] in lines
    assert "nas finish" not in shown  # a row of a table has nothing to train
    assert "this one" in shown


def test_names_and_values_with_spaces_stay_whole():
    architecture = Architecture({"kernel size": 7, "note": 'a "b" c', "stages.0.k": 3})
    assert architecture.words() == ["kernel size=7", 'note=a "b" c', "stages.k=3"]
    record = SimpleNamespace(architecture=architecture)
    rows = [("kernel size", "7"), ("note", 'a "b" c'), ("stages.k", "3")]
    assert _architecture_rows(record) == rows


def test_a_trial_that_there_is_not_is_refused_with_those_on_the_front(nas, table_run):
    for number in ("99", "-1", "best"):
        status, _, error = nas("show", "runs/t", f"trial={number}")

        assert status == 2
        assert f"t has no trial '{number}'; it has 5, and on its front are" in error


def test_a_folder_of_runs_is_listed_and_says_what_one_holds(nas, table_run):
    status, shown, _ = nas("show", "runs")

    assert status == 0
    assert shown.splitlines()[0] == "1 run in runs, the newest first"
    assert shown.splitlines()[1].startswith("  t  5 trials, ")
    assert shown.splitlines()[-1] == "One of them:   nas show runs/t"


def test_a_list_of_runs_tells_what_the_largest_winner_reached_in_its_test(nas, table_run):
    row = replace(winner(best_of(table_run)), metric="quality", test_mean=0.5)
    write_winners(table_run / "finish/winners.csv", [row])

    _, shown, _ = nas("show", "runs")
    _, document, _ = nas("show", "runs", "output=json")

    assert ", finished, the largest in the test 0.5" in shown
    (listed,) = json.loads(document)["runs"]
    assert listed["finished"] is True
    assert listed["largest_tested"]["quality"] == 0.5


def test_a_trial_that_was_finished_is_shown_with_its_test_and_its_files(nas, table_run):
    best = best_of(table_run)
    write_winners(table_run / "finish/winners.csv", [winner(best)])
    (table_run / "finish" / str(best.number)).mkdir()
    (table_run / "finish" / made_file(best).file).touch()
    write_artefacts(table_run / "finish/artefacts.csv", [made_file(best)])

    _, shown, _ = nas("show", "runs/t", f"trial={best.number}")
    _, picked, _ = nas("pick", "runs/t", "which=best")

    for told in (shown, picked):
        assert "Finished:   81.50 % accuracy on the test split, in 1 retraining" in told
        assert "model.onnx 40.0 kB 81.00 % on the test split" in " ".join(told.split())
        assert "nas finish" not in told


def test_a_trial_runs_only_while_a_search_is_at_work(tmp_path):
    record = TrialRecord(3, Architecture({"a": 1}), TrialState.RUNNING, {})
    lease = Lease(tmp_path / LEASE)

    during = RunView(RunFolder(tmp_path), (record,), (), (), ()).state_of(record)
    lease.release()
    after = RunView(RunFolder(tmp_path), (record,), (), (), ()).state_of(record)

    assert (during, after) == ("running", "not ended")


def winner(record):
    known = dict.fromkeys((field.name for field in fields(WinnerRow)), float("nan"))
    return WinnerRow(
        **{
            **known,
            "name": f"trial {record.number}",
            "is_baseline": False,
            "trial": record.number,
            "architecture_id": record.architecture.id,
            "metric": "accuracy",
            "size_bytes": 38000.0,
            "test_mean": 0.815,
            "num_seeds": 1,
            "beaten_by": "",
        }
    )


def made_file(record):
    known = dict.fromkeys((field.name for field in fields(ArtefactRow)), float("nan"))
    return ArtefactRow(
        **{
            **known,
            "name": f"trial {record.number}",
            "variant": "retrained",
            "format": "onnx",
            "file": f"{record.number}/model.onnx",
            "size_bytes": 40000,
            "num_params": 9500,
            "metric": "accuracy",
            "test_value": 0.81,
            "num_threads": 1,
            "refused": "",
        }
    )


def test_a_damaged_table_of_winners_hides_no_other_run(nas, table_run):
    (table_run / "finish").mkdir()
    (table_run / "finish" / "winners.csv").write_text("name\nhalf a li")

    status, shown, _ = nas("show", "runs")

    assert status == 0
    assert "cannot be read: " in shown
