from dataclasses import fields

import pytest

from nas.cli.run_view import RunView
from nas.record.artefacts import ArtefactRow, write_artefacts
from nas.record.beliefs import BELIEVED_CSV, write_beliefs
from nas.report.front import front_records, knee_record


def taken(shown):
    return int(shown.split()[2].rstrip(":"))


def test_without_limits_it_is_the_knee(nas, table_run, records):
    from nas.config.recorded import recorded_objectives
    from nas.record.run_folder import RunFolder

    objectives = recorded_objectives(RunFolder.open(table_run))

    status, shown, _ = nas("pick", "runs/t")

    assert status == 0
    knee = knee_record(front_records(records, objectives), objectives)
    assert taken(shown) == knee.number
    assert "the knee of the front of 5 networks" in shown


@pytest.mark.parametrize("word", ["which=best", "best", "pick=best", "pick.which=best"])
def test_a_way_to_choose_may_be_written_as_for_finish(nas, records, word):
    _, shown, _ = nas("pick", "runs/t", word)

    assert taken(shown) == max(records, key=lambda record: record.metrics["quality"]).number


@pytest.mark.parametrize("key", ["bytes.max", "pick.bytes.max"])
def test_with_a_limit_of_bytes_it_is_the_best_that_keeps_it(nas, records, key):
    sizes = sorted(record.metrics["bytes"] for record in records)
    limit = sizes[2]
    within = [record for record in records if record.metrics["bytes"] <= limit]
    best = max(within, key=lambda record: record.metrics["quality"])

    _, shown, _ = nas("pick", "runs/t", f"{key}={limit}")

    assert taken(shown) == best.number


def test_with_a_limit_of_quality_it_is_the_smallest_that_keeps_it(nas, records):
    floor = sorted(record.metrics["quality"] for record in records)[2]
    within = [record for record in records if record.metrics["quality"] >= floor]

    _, shown, _ = nas("pick", "runs/t", f"quality.min={floor}")

    smallest = min(within, key=lambda record: record.metrics["bytes"])
    assert taken(shown) == smallest.number
    assert f"of {len(within)} networks that keep quality >=" in shown


def test_what_the_search_believes_decides_and_is_said(nas, table_run, records):
    first, second, *_ = sorted(records, key=lambda record: -record.metrics["quality"])
    beliefs = {r.number: {"quality": r.metrics["quality"]} for r in records}
    beliefs[first.number] = {"quality": second.metrics["quality"] - 0.01}
    write_beliefs(table_run / BELIEVED_CSV, records, beliefs)

    _, shown, _ = nas("pick", "runs/t", "which=best")

    assert taken(shown) == second.number
    assert f"with trial {second.number}, without trial {first.number}" in shown
    assert f"{second.metrics['quality']:.3g}" in shown.splitlines()[0]


def test_a_row_of_a_table_is_not_to_be_finished(nas, records):
    _, shown, _ = nas("pick", "runs/t", "which=best")

    assert shown.endswith("there is no network to train or to make files of.\n")
    assert "nas finish" not in shown


def test_the_command_that_finishes_a_network_is_printed(nas, records, monkeypatch):
    monkeypatch.setattr(RunView, "has_networks", True)

    _, shown, _ = nas("pick", "runs/t", "which=best")

    best = max(records, key=lambda record: record.metrics["quality"])
    assert shown.endswith(f"nas finish runs/t 'pick=[{best.number}]'\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["quality.min=2"], "no network keeps quality >= 2; the nearest is trial"),
        (["qualty.min=0.5"], "this run have no qualty; known, nearest first: quality"),
        (["quality.min=high"], "quality.min must be a number, but got 'high'"),
        (["quality.min=nan"], "quality.min must be a number, but got 'nan'"),
        (["accuracy.min=95"], "accuracy.min must be a share from 0 to 1, or as 95%, but got '95'"),
        (["which=all"], "which must be one of knee, best, smallest"),
        (["size_bytes.max=3 parsecs"], "must be a number (bytes, or as 500kB"),
        (["seeds=3"], "there is no option 'seeds'; known, nearest first:"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wish_that_cannot_be_kept_is_refused(nas, table_run, words, told):
    status, _, error = nas("pick", "runs/t", *words)

    assert status == 2
    assert told in error


def test_a_finished_file_may_keep_what_no_network_of_the_search_keeps(nas, table_run):
    told = {"name": "trial 0", "variant": "retrained", "metric": "quality", "test_value": 2000.0}
    known = {"file": "0/model_int8.onnx", "format": "onnx int8", "refused": "", **told}
    row = ArtefactRow(**{field.name: known.get(field.name, 1) for field in fields(ArtefactRow)})
    write_artefacts(table_run / "finish" / "artefacts.csv", [row])
    (table_run / "finish" / "0").mkdir()
    (table_run / "finish" / "0" / "model_int8.onnx").touch()

    status, shown, error = nas("pick", "runs/t", "quality.min=1000")
    assert status == 0, error
    assert "No network of the search keeps the limits in floats." in shown
    assert "1 finished file keeps the limits" in shown

    status, _, error = nas("pick", "runs/t", "quality.min=3000")
    assert (status, "no network keeps" in error) == (2, True)


def test_what_was_tested_counts_for_more_than_what_the_search_measured(nas, tested_run):
    first, second = tested_run

    status, shown, error = nas("pick", "runs/t", "best")

    assert status == 0, error
    assert taken(shown) == second.number
    assert "on the test split" in shown.splitlines()[0]
    assert f"short trainings alone the choice would be trial {first.number}" in shown
    assert "To retrain and test that one too" not in shown  # it was


def test_a_limit_that_no_tested_network_keeps_is_kept_by_another(nas, tested_run, records):
    least = min(records, key=lambda record: record.metrics["bytes"])

    _, shown, _ = nas("pick", "runs/t", f"bytes.max={least.metrics['bytes']}")

    assert taken(shown) == least.number
    assert "the only network that keeps bytes <=" in shown


def test_the_number_of_a_trial_is_answered_with_the_commands_that_take_it(nas, table_run):
    status, _, told = nas("pick", "runs/t", "3", "4")

    assert status == 2
    assert "nas show runs/t trial=3; to retrain it: nas finish runs/t 'pick=[3,4]'" in told


def test_a_limit_of_the_search_that_no_trial_keeps_is_told(nas, table_words):
    words = [*table_words, "constraints.quality.min=0.99", "name=l", "ui=none"]
    assert nas("search", *words)[0] == 0

    _, shown, _ = nas("pick", "runs/l")

    assert "kept by 0 of" in " ".join(shown.split())
