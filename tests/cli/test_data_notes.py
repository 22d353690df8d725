"""What a search says of its data: on the terminal, in the log and in data.json."""

import json
import logging

import numpy as np
import pytest
from PIL import Image

from nas.cli.data_notes import data_lines, note_data
from nas.data.image_folder import load_image_folder
from nas.data.report import report_data
from nas.record.run_folder import RunFolder


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / "d" / name).mkdir(parents=True)
        for index in range(5):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "d" / name / f"{index}.png")
    (tmp_path / "d" / "a" / "raw.NEF").write_bytes(b"x")
    (tmp_path / "d" / "b" / "notes.txt").write_bytes(b"x")
    (tmp_path / "d" / "b" / "bad.png").write_bytes(b"x")
    return load_image_folder(str(tmp_path / "d"), on_broken="skip")


def test_what_is_not_taken_is_said_logged_and_written(tmp_path, data, caplog):
    said = []

    with caplog.at_level(logging.INFO):
        note_data(RunFolder(tmp_path), data, None, say=said.append)

    written = json.loads((tmp_path / "data.json").read_text())
    warned = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert any("raw.NEF" in line for line in warned)
    assert len([line for line in warned if "cannot be read and" in line]) == 1
    assert any("bad.png" in line for line in warned)
    assert any("notes.txt" in line for line in said)
    assert {line in caplog.text for line in [*said, *warned]} == {True}
    assert [entry["number"] for entry in written["left_out"]] == [1, 1]
    assert len(written["skipped"]) == written["num_skipped"] == 2
    assert written["num_broken"] == 1


def test_doubts_stand_right_below_what_the_data_are(data):
    lines = data_lines(data, report_data(data))

    assert "2 classes, 8x8 pixels" in lines[0]
    assert lines[1].startswith("note: ")
    assert not lines[-1].startswith("note: ")
