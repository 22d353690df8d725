from dataclasses import fields

import pytest

from nas.architecture import Architecture
from nas.cli.finished_trial import (
    content_of_files_within,
    finished_lines,
    line_of_files_within,
)
from nas.finish.which import Which
from nas.objective import Constraint
from nas.record.artefacts import ArtefactRow, write_artefacts
from nas.record.run_folder import RunFolder
from nas.trial import TrialRecord, TrialState

WORDS = {"name": "trial 3", "variant": "retrained", "metric": "accuracy", "refused": ""}


def file(path, size_bytes, accuracy, **told):
    """Return a row in which every number that is not told is 1."""
    known = {"file": path, "size_bytes": size_bytes, "test_value": accuracy, **WORDS, **told}
    return ArtefactRow(**{field.name: known.get(field.name, 1) for field in fields(ArtefactRow)})


@pytest.fixture
def folder(tmp_path):
    files = [
        file("3/model.onnx", 500, 0.9, format="onnx"),
        file("3/model.int8.onnx", 140, 0.8, format="onnx int8"),
        file("4/model.onnx", 99, 0.7, format="onnx"),
        file("5/model.onnx", 50, 0.95, format="onnx", refused="it answers otherwise"),
    ]
    write_artefacts(tmp_path / "finish" / "artefacts.csv", files)
    for one in files:
        (tmp_path / "finish" / one.file).parent.mkdir(exist_ok=True)
        (tmp_path / "finish" / one.file).touch()
    return RunFolder(tmp_path)


def test_the_best_file_within_the_limits_is_told_and_none_that_was_refused(folder):
    told = line_of_files_within(folder, [Constraint("size_bytes", maximum=150)])

    best = folder.finish_dir / "3/model.int8.onnx"
    assert told.startswith(f"2 finished files keep the limits; the best: {best} (trial 3), 140 B")


def test_where_only_quality_is_limited_the_smallest_file_is_told(folder):
    limits = [Constraint("accuracy", minimum=0.75)]

    told = line_of_files_within(folder, limits)

    smallest, best = (folder.finish_dir / f"3/model.{name}" for name in ("int8.onnx", "onnx"))
    assert told.startswith(f"2 finished files keep the limits; the smallest: {smallest} ")
    assert f"the best: {best} " in line_of_files_within(folder, limits, Which.BEST)


def test_the_document_names_the_same_files_as_the_line(folder):
    content = content_of_files_within(folder, [Constraint("size_bytes", maximum=150)])

    names = ("3/model.int8.onnx", "4/model.onnx")
    assert [told["path"] for told in content] == [str(folder.finish_dir / n) for n in names]
    assert [(told["size_bytes"], told["test_value"]) for told in content] == [
        (140, 0.8),
        (99, 0.7),
    ]


def test_a_winner_of_an_earlier_finish_is_not_to_be_finished_again(tmp_path):
    folder = RunFolder(tmp_path)
    record = TrialRecord(7, Architecture({"width": 1}), TrialState.COMPLETE, {})

    assert finished_lines(folder, record) == []

    (folder.finish_dir / "7").mkdir(parents=True)
    (folder.finish_dir / "7" / "predict.py").touch()

    told = "\n".join(finished_lines(folder, record))
    program = folder.finish_dir / "7" / "predict.py"
    assert f"python {program} inputs.npy" in told

    (folder.finish_dir / "7" / "example.png").touch()

    assert f"python {program} photo.jpg" in "\n".join(finished_lines(folder, record))


@pytest.mark.parametrize(
    "limits",
    [
        [],
        [Constraint("size_bytes", maximum=20)],
        [Constraint("size_bytes", maximum=150), Constraint("accuracy", minimum=0.85)],
        [Constraint("num_macs", maximum=1e9)],
    ],
    ids=["none", "too small", "both", "what no file was measured by"],
)
def test_where_no_file_is_known_to_keep_the_limits_nothing_is_told(folder, limits):
    assert line_of_files_within(folder, limits) == ""


def test_of_a_run_that_was_not_finished_nothing_is_told(tmp_path):
    assert line_of_files_within(RunFolder(tmp_path), [Constraint("size_bytes", maximum=1e6)]) == ""
