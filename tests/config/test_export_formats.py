"""Which formats a command line wants, in its short forms."""

import pytest

from nas.config.export_formats import in_full
from nas.config.finishing import check_finish
from nas.errors import ConfigError

ALWAYS = ["weights", "torch_export"]


def wanted(*words):
    return list(check_finish(["run=runs/1", *words]).export.wanted())


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], ["onnx", "int8"]),
        (["export.int8=false"], ["onnx"]),
        (["finish.export.int8=false"], ["onnx"]),
        (["++export.int8=false"], ["onnx"]),
        (["~export.int8"], ["onnx"]),
        (["export.formats.int8.enabled=false"], ["onnx"]),
        (["export.onnx=false", "export.int4=true"], []),
        (
            ["export.int4=true", "export.int8_dynamic=true"],
            ["onnx", "int8", "int8_dynamic", "int4"],
        ),
        (
            ["export.executorch_int8=true", "export.executorch=true", "export.aot_inductor=true"],
            ["aot_inductor", "executorch", "executorch_int8", "onnx", "int8"],
        ),
        (["+export.formats.mine._target_=my.Mine"], ["onnx", "int8", "mine"]),
        (
            [
                "+export.formats.mine._target_=my.Mine",
                "+export.formats.mine.enabled=true",
                "export.mine=false",
            ],
            ["onnx", "int8"],
        ),
    ],
)  # fmt: skip
def test_each_word_turns_its_own_format_on_or_off(words, found):
    assert wanted(*words) == ALWAYS + found


def test_calibration_images_reach_the_formats_that_calibrate():
    formats = check_finish(["run=runs/1", "export.calibration_images=64"]).export.wanted()

    assert formats["int8"]["calibration_images"] == 64
    assert "calibration_images" not in formats["onnx"]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("export.int9=true", r"export has no option 'int9'; known, nearest first: .*formats"),
        ("export.weights=false", "export has no option 'weights'"),
        ("export.int8=7", "export.int8 must be true or false, but got 7"),
        ("export.threads=0", "export.threads must be a whole number of at least 1, but got 0"),
        ("+export.formats.mine.level=3", "export.formats.mine._target_ must name the class"),
        ("export.formats.int8.only_with=onx", "only_with must be another .* 'onx'; known.*: onnx"),
        ("export.formats.int8.only_with=int8", "only_with must be another format"),
        ("export.formats.onnx=3", "export.formats.onnx must be a mapping, but got 3"),
    ],
)
def test_faults_are_told_in_the_words_of_the_command_line(word, message):
    with pytest.raises(ConfigError, match=message):
        check_finish(["run=runs/1", word])


def test_other_words_stay_as_they_are():
    words = ("seeds=2", "export.files=false", "export.peak_memory=false", "run=export.int8=x")

    assert in_full(words) == words
