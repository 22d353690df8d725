"""The front over files: bytes of each against what it is worth."""

from dataclasses import replace

import numpy as np
import pytest

from nas.record.artefacts import ArtefactRow, write_artefacts
from nas.record.run_folder import RunFolder
from nas.record.winners import WinnerRow
from nas.report.confirmation import write_finish_png
from nas.report.reports import write_finish_pictures
from nas.report.shipped import (
    artefact_table,
    files_line,
    front_files,
    plot_files,
    write_files_png,
)
from nas.report.size_plot import end_picture, new_picture


def file(name, size_bytes, value, *, refused="", kind="onnx", metric="accuracy"):
    return ArtefactRow(
        name="trial 1", variant="retrained", format=kind, file=name, size_bytes=size_bytes,
        num_params=10, metric=metric, test_value=value, torch_value=0.95, max_difference=0.0,
        agreement=1.0, latency_ms=1.0, latency_low_ms=0.9, latency_high_ms=1.1,
        latency_32_ms=10.0, latency_32_low_ms=9.0, latency_32_high_ms=12.0, num_threads=1,
        peak_memory_bytes=1e6, refused=refused,
    )  # fmt: skip


FILES = [
    file("a.onnx", 4000, 0.95),
    file("a_int8.onnx", 1000, 0.94, kind="onnx int8"),
    file("b.onnx", 2000, 0.93),
    file("b_int4.onnx", 300, 0.99, refused="it loses 3 points", kind="onnx int4 weights"),
]
WINNER = WinnerRow(
    name="trial 1", is_baseline=False, trial=1, architecture_id="ab", num_params=10.0,
    num_macs=1.0, size_bytes=4e3, metric="accuracy", search_value=0.9, test_mean=0.95,
    test_std=0.01, confidence_low=0.93, confidence_high=0.97, prediction_low=0.9,
    prediction_high=1.0, sampling_std=0.02, num_seeds=3, beaten_by="",
)  # fmt: skip


def test_front_holds_the_files_that_no_other_beats_in_both_smallest_first():
    assert [row.file for row in front_files(FILES)] == ["a_int8.onnx", "a.onnx"]


def test_of_a_loss_the_lower_one_is_better():
    files = [file("a", 10, 0.5, metric="loss"), file("b", 20, 0.6, metric="loss")]

    assert [row.file for row in front_files(files)] == ["a"]


def test_table_marks_the_front_and_what_is_refused():
    lines = {line[0]: line for line in artefact_table(FILES)}

    assert [lines[row.file][-1] for row in FILES] == ["◆", "◆", "", "refused"]
    assert lines["a_int8.onnx"][2:5] == ["1.00 kB", "94.00 %", "1.00"]


@pytest.mark.parametrize(
    ("metric", "value", "told"),
    [
        ("bits_per_byte", 1.15, "0.20"),
        ("bits_per_byte", 0.949999, "0.00"),
        ("loss", 0.90, "-0.05"),
        ("accuracy", 0.9500001, "0.00"),
    ],
)
def test_what_a_file_lost_is_how_much_worse_it_is(metric, value, told):
    (_, line) = artefact_table([file("a", 10, value, metric=metric)])

    assert line[4] == told


def test_line_says_who_stands_on_the_front():
    assert files_line(FILES) == "3 files, 2 on the front: onnx int8, onnx  ·  1 refused"


def test_picture_is_drawn_and_left_out_where_there_is_no_file(tmp_path):
    write_files_png(FILES, name="run", path=tmp_path / "files.png")
    write_files_png(FILES[3:], name="run", path=tmp_path / "none.png")

    assert (tmp_path / "files.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "none.png").exists()


@pytest.mark.parametrize("values", [[0.5], [0.12, 0.9, 0.999], [1.0, 0.2]])
def test_picture_of_winners_bears_one_of_them_and_any_spread(tmp_path, values):
    winners = [
        replace(WINNER, name=f"trial {i}", size_bytes=100.0 * 3**i, search_value=v, test_mean=v)
        for i, v in enumerate(values)
    ]

    write_finish_png(winners, name="run", path=tmp_path / "finish.png")

    assert (tmp_path / "finish.png").read_bytes().startswith(b"\x89PNG")


def test_stretched_axis_gives_each_halving_of_the_errors_the_same_room():
    figure, axes = new_picture([1e3, 1e4])

    end_picture(figure, axes, metric="accuracy", values=[20.0, 99.0], titles=("a", "b"))

    places = axes.transData.transform([(1e3, y) for y in (60.2, 80.2, 90.2)])[:, 1]
    assert np.ptp(np.diff(places)) < 1e-6  # 40, 20 and 10 % of errors, 0.2 of them added to each
    low, high = axes.get_ylim()
    assert low < 20.0 < 99.0 < high


def test_axis_of_accuracies_that_are_alike_stays_straight():
    figure, axes = new_picture([1e3, 1e4])

    end_picture(figure, axes, metric="accuracy", values=[40.0, 60.0], titles=("a", "b"))

    assert axes.get_yscale() == "linear"


@pytest.mark.parametrize(("value", "ends"), [(1.0, (50, 100)), (0.0, (0, 50))])
def test_no_axis_of_accuracies_goes_beyond_what_there_can_be(value, ends):
    figure = plot_files([file("a.onnx", 4000, value), file("b.onnx", 1000, value)], name="x")

    low, high = figure.axes[0].get_ylim()

    assert ends[0] <= low < high <= ends[1]


def test_nothing_made_has_no_front():
    assert front_files([]) == []


def test_pictures_of_a_finish_are_made_again_from_its_tables(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    folder.finish_dir.mkdir()
    write_artefacts(folder.finish_dir / "artefacts.csv", FILES)

    write_finish_pictures(folder, [WINNER])

    for name in ("finish.png", "files.png"):
        assert (folder.finish_dir / name).read_bytes().startswith(b"\x89PNG")


def test_each_point_on_the_front_of_files_is_labelled_with_its_trial():
    (axes,) = plot_files(FILES, name="run").axes

    words = {text.get_text() for text in axes.texts}
    assert {row.name.removeprefix("trial ") for row in front_files(FILES)} <= words


def test_the_picture_of_files_is_drawn_for_paper_too(tmp_path):
    write_files_png(FILES, name="run", path=tmp_path / "files.png")

    first = (tmp_path / "files.svg").read_bytes()
    write_files_png(FILES, name="run", path=tmp_path / "files.png")

    assert b"<svg" in first
    assert (tmp_path / "files.svg").read_bytes() == first
