import math
from dataclasses import fields, replace

import pytest

from nas.finish.tables import add_artefacts, add_rows, add_tested
from nas.record.artefacts import ArtefactRow, read_artefacts
from nas.record.winners import WinnerRow, read_winners


def row(trial, test_mean=0.5):
    known = {"name": f"trial {trial}", "trial": trial, "metric": "accuracy", "is_baseline": False}
    known |= {"test_mean": test_mean, "size_bytes": 100.0 + trial, "num_seeds": 1, "beaten_by": ""}
    values = {field.name: known.get(field.name, 1.0) for field in fields(WinnerRow)}
    return WinnerRow(**{**values, "architecture_id": str(trial), "test_std": math.nan})


def file_of(place):
    told = {"file": f"{place}/model.onnx", "format": "onnx", "refused": "", "metric": "accuracy"}
    told |= {"name": "trial", "variant": "retrained"}
    return ArtefactRow(**{f.name: told.get(f.name, 1) for f in fields(ArtefactRow)})


def places(folder):
    return [file.file.rpartition("/")[0] for file in read_artefacts(folder / "artefacts.csv")]


def test_rows_of_other_networks_stay(tmp_path):
    add_tested(tmp_path, [row(3), row(1)])
    told = add_tested(tmp_path, [row(2), row(3, 0.7)])

    assert [(r.trial, r.test_mean) for r in told] == [(1, 0.5), (2, 0.5), (3, 0.7)]
    assert [r.trial for r in read_winners(tmp_path / "winners.csv")] == [1, 2, 3]


@pytest.mark.parametrize(
    ("test_mean", "expected"), [(0.5, ["1", "1/distilled", "2"]), (0.6, ["2"])]
)
def test_files_of_other_weights_are_no_longer_listed(tmp_path, test_mean, expected):
    add_tested(tmp_path, [row(1), row(2)])
    add_artefacts(tmp_path, [file_of("1"), file_of("1/distilled"), file_of("2")])

    # Another NaN than that of the table: they are not equal, and no deviation is known of either.
    add_tested(tmp_path, [replace(row(1, test_mean), test_std=float("nan"))])

    assert places(tmp_path) == expected


def test_files_in_the_same_folder_take_the_place_of_earlier_ones(tmp_path):
    add_artefacts(tmp_path, [file_of("1"), file_of("2")])
    add_artefacts(tmp_path, [replace(file_of("1"), file="1/model.pt2")])

    assert [f.file for f in read_artefacts(tmp_path / "artefacts.csv")] == [
        "2/model.onnx",
        "1/model.pt2",
    ]


def test_a_damaged_table_is_kept_beside_the_new_one_and_told(tmp_path, caplog):
    path = tmp_path / "distilled.csv"
    path.write_text("x;y\n")

    assert [r.trial for r in add_rows(path, [row(1)])] == [1]

    assert "it is now distilled.csv.damaged" in caplog.text
    assert (tmp_path / "distilled.csv.damaged").read_text() == "x;y\n"
