from dataclasses import replace

from nas.record.artefacts import ArtefactRow
from nas.record.winners import WinnerRow
from nas.report.confirmation import chance_line
from nas.report.finished import files_section, finish_chart, sizes_section, winners_section

WINNER = WinnerRow(
    name="trial 7", is_baseline=False, trial=7, architecture_id="ab", num_params=1000.0,
    num_macs=1.0, size_bytes=4000.0, metric="accuracy", search_value=0.9, test_mean=0.875,
    test_std=0.01, confidence_low=0.86, confidence_high=0.89, prediction_low=0.85,
    prediction_high=0.9, sampling_std=0.02, num_seeds=3, beaten_by="",
)  # fmt: skip


def file(kind, size_bytes, *, refused=""):
    return ArtefactRow(
        name="trial 7", variant="retrained", format=kind, file=f"7/{kind}", size_bytes=size_bytes,
        num_params=1000, metric="accuracy", test_value=0.87, torch_value=0.875,
        max_difference=0.0, agreement=1.0, latency_ms=1.0, latency_low_ms=0.9,
        latency_high_ms=1.1, latency_32_ms=8.0, latency_32_low_ms=7.0, latency_32_high_ms=9.0,
        num_threads=1, peak_memory_bytes=1e6, refused=refused,
    )  # fmt: skip


def test_chance_in_a_small_test_never_tells_more_than_all_right():
    told = chance_line([replace(WINNER, test_mean=0.965, sampling_std=0.029)])

    assert told == (
        "The test has few examples: on as many others trial 7 could have 88 to 100 % "
        "(95 % interval)."
    )


def test_the_three_sizes_of_a_network_are_named():
    section = sizes_section([WINNER], [file("onnx", 9000), file("onnx int8", 5000)])

    assert section.table.headings[2:] == ["stored tensors", "onnx file", "onnx int8 file"]
    (row,) = section.table.rows
    assert [cell.text for cell in row.cells[2:]] == ["4.00 kB", "9.00 kB", "5.00 kB"]


def test_a_refused_file_has_no_size_and_no_point():
    files = [file("onnx", 9000), file("onnx int8", 5000, refused="differs")]

    assert sizes_section([WINNER], files).table.headings[-1] == "onnx file"
    assert [drawn["format"] for drawn in finish_chart([WINNER], files)["files"]] == ["onnx"]


def test_each_file_is_linked_from_the_page():
    section = files_section([file("onnx", 9000)])

    assert section.table.rows[0].cells[0].link == "finish/7/onnx"


def test_the_chart_has_the_interval_in_percent():
    (drawn,) = finish_chart([WINNER], [])["winners"]

    assert (drawn["low"], drawn["mean"], drawn["high"]) == (86.0, 87.5, 89.0)


def test_nothing_is_shown_before_the_finish():
    assert winners_section([]) is None
    assert files_section([]) is None
    assert sizes_section([], []) is None
    assert finish_chart([], []) is None
