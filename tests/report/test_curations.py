"""What better data gave at each size, as the page tells it."""

import json
from dataclasses import replace

import pytest

from nas.architecture import Architecture
from nas.report.curations import read_curations, section_of_curations

STEPS = {
    "none": [],
    "near": [
        {"name": "passages", "num_passages": 100, "num_bytes": 1000, "cpu_s": 0.5},
        {"name": "near", "num_passages": 90, "num_bytes": 800, "cpu_s": 2.5},
    ],
}


@pytest.fixture
def chosen(trial):
    def make(number, curation, **metrics):
        record = trial(number, **metrics)
        values = {**record.architecture, "curation": curation}
        return replace(record, architecture=Architecture(values))

    return make


def test_each_row_has_the_best_of_each_text_up_to_a_size(chosen, accuracy_size):
    records = [
        chosen(0, "none", accuracy=0.5, size_bytes=2000),
        chosen(1, "near", accuracy=0.6, size_bytes=3000),
        chosen(2, "none", accuracy=0.4, size_bytes=4000),
    ]
    section = section_of_curations(records, accuracy_size, STEPS)
    assert section.table.headings == ["size up to", "accuracy, none", "accuracy, near"]
    assert [[cell.text for cell in row.cells] for row in section.table.rows] == [
        ["2.00 kB", "50.00 % (trial 0, of 1)", "–"],
        ["3.00 kB", "50.00 % (trial 0, of 1)", "60.00 % (trial 1, of 1)"],
        ["4.00 kB", "50.00 % (trial 0, of 2)", "60.00 % (trial 1, of 1)"],
    ]
    assert section.note == (
        "near: 90 passages, 80.0 % of the bytes, took 3.00 s of processor time."
    )


def test_a_run_whose_trials_chose_no_text_has_no_such_section(trial, accuracy_size):
    records = [trial(0, accuracy=0.5, size_bytes=2000)]
    assert section_of_curations(records, accuracy_size, STEPS) is None


def test_what_was_done_is_read_from_the_run_folder(tmp_path):
    path = tmp_path / "data.json"
    assert read_curations(path) == {}
    path.write_text("[1")
    assert read_curations(path) == {}
    path.write_text(json.dumps({"curation": STEPS}))
    assert read_curations(path) == STEPS
