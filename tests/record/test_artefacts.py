"""Files that are larger or slower than the floats that they are made from."""

from math import nan

from nas.record.artefacts import ArtefactRow, drawbacks


def row(kind, name, size, *, low, high, refused=""):
    return ArtefactRow(
        "trial 1", "retrained", kind, f"1/{name}", size, 10, "accuracy", 0.5, 0.5, 0.0, 1.0,
        (low + high) / 2, low, high, 1.0, 1.0, 1.0, 1, nan, refused,
    )  # fmt: skip


FLOATS = row("onnx", "model.onnx", 1000, low=1.0, high=2.0)


def test_a_smaller_and_faster_file_has_no_drawback():
    assert drawbacks([FLOATS, row("onnx int8", "model_int8.onnx", 400, low=0.5, high=0.9)]) == []


def test_a_larger_and_slower_file_is_said_to_be_so():
    int8 = row("onnx int8", "model_int8.onnx", 1500, low=2.5, high=3.5)

    (line,) = drawbacks([int8, FLOATS])

    assert "`model_int8.onnx` is larger (1,500 against 1,000 bytes) and slower" in line
    assert "3.000 against 1.500 ms" in line


def test_times_whose_quartiles_overlap_are_no_drawback():
    assert drawbacks([FLOATS, row("onnx int8", "model_int8.onnx", 400, low=1.9, high=3.0)]) == []


def test_files_of_another_runtime_and_refused_ones_are_not_compared():
    other = row("ExecuTorch", "model.pte", 2000, low=9.0, high=9.0)
    refused = row("onnx int8", "model_int8.onnx", 1500, low=9.0, high=9.0, refused="it differs")

    assert drawbacks([FLOATS, other, refused]) == []
