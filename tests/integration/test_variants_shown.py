"""Variants of trained networks in tables, on the front, and in what counts trials."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from nas.architecture import Architecture
from nas.objective import objective_for
from nas.report.front import comparable_records, front_records
from nas.report.growth import growth_of, yardstick_of
from nas.report.plots import summary_line
from nas.report.tables import front_table, write_front_csv, write_trials_csv
from nas.trial import TrialRecord, TrialState

OBJECTIVES = (objective_for("accuracy"), objective_for("size_bytes"))


def trained(number, accuracy, size):
    return TrialRecord(
        number,
        Architecture({"width": number}),
        TrialState.COMPLETE,
        {"accuracy": accuracy, "size_bytes": size},
        finished_s=float(number),
    )


def variant_of(record, number, accuracy, size):
    metrics = {"accuracy": accuracy, "size_bytes": size}
    return replace(record, number=number, metrics=metrics, parent=record.number, variant="int8")


@pytest.fixture
def records():
    first, second = trained(0, 0.90, 4000.0), trained(2, 0.80, 3000.0)
    return [
        first,
        variant_of(first, 1, 0.89, 1000.0),
        second,
        variant_of(second, 3, 0.79, 800.0),
    ]


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_variant_stands_on_the_front_beside_its_parent(records):
    assert [record.number for record in front_records(records, OBJECTIVES)] == [3, 1, 0]


def test_of_one_variant_of_one_architecture_the_first_counts(records):
    again = variant_of(records[0], 4, 0.99, 900.0)
    counted = comparable_records([*records, again], OBJECTIVES)
    assert [record.number for record in counted] == [0, 1, 2, 3]


def test_tables_link_a_variant_to_its_trial(records, tmp_path):
    write_front_csv(records, objectives=OBJECTIVES, path=tmp_path / "front.csv")
    write_trials_csv(records, objectives=OBJECTIVES, path=tmp_path / "trials.csv")
    found = [(r["trial"], r["parent"], r["variant"]) for r in rows(tmp_path / "front.csv")]
    assert found == [("3", "2", "int8"), ("1", "0", "int8"), ("0", "", "")]
    found = [(r["number"], r["parent"], r["variant"]) for r in rows(tmp_path / "trials.csv")]
    assert found == [("0", "", ""), ("1", "0", "int8"), ("2", "", ""), ("3", "2", "int8")]


def test_a_run_without_variants_has_no_columns_for_them(records, tmp_path):
    write_front_csv(records[::2], objectives=OBJECTIVES, path=tmp_path / "front.csv")
    assert not {"parent", "variant"} & rows(tmp_path / "front.csv")[0].keys()


def test_the_terminal_says_what_was_done_to_which_trial(records):
    console = Console(width=100)
    with console.capture() as capture:
        console.print(front_table(records, OBJECTIVES))
    assert "int8 of trial 2" in capture.get()
    assert "int8 of trial 0" in capture.get()


def test_variants_are_no_trainings(records):
    line = summary_line(records, front_records(records, OBJECTIVES))
    assert line.startswith("2 trials and 2 variants of their networks")
    growth = growth_of(records, OBJECTIVES, yardstick_of([records], OBJECTIVES))
    assert growth.num_trials.tolist() == [1, 2]
    alone = growth_of(records[::2], OBJECTIVES, yardstick_of([records], OBJECTIVES))
    assert np.all(growth.shares > alone.shares)
