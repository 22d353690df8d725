"""What is remembered of files that were made."""

import json
from dataclasses import dataclass

import pytest

from nas.export.formats.executorch_int8 import ExecutorchInt8
from nas.export.formats.onnx_float import OnnxFloat
from nas.export.formats.onnx_int8 import OnnxInt8
from nas.export.formats.torch_export import TorchExport
from nas.export.formats.weights import Weights
from nas.export.made_files import made_from, remembered

ALWAYS = {"weights": Weights(), "torch_export": TorchExport()}
OLD = {
    "onnx": True,
    "int8": True,
    "int8_dynamic": False,
    "int4": False,
    "aot_inductor": False,
    "executorch": False,
    "executorch_int8": False,
    "num_calibration": 256,
    "num_threads": 1,
    "peak_memory": True,
}


def recorded(folder, settings):
    memory = folder / "artefacts.json"
    memory.write_text(json.dumps({"made_from": [3, "job", "retrained", settings], "rows": []}))
    return memory


def source(formats, **settings):
    settings = {"num_threads": 1, "peak_memory": True, **settings}
    return made_from(["job", "retrained"], ALWAYS | formats, **settings)


@pytest.mark.parametrize(
    ("changed", "formats", "settings"),
    [
        ({}, {"onnx": OnnxFloat(), "int8": OnnxInt8()}, {}),
        ({}, {"int8": OnnxInt8(), "onnx": OnnxFloat()}, {}),
        ({"int8": False}, {"onnx": OnnxFloat()}, {}),
        ({"onnx": False, "int8": False, "peak_memory": False}, {}, {"peak_memory": False}),
        (
            {"executorch_int8": True, "num_calibration": 64},
            {
                "onnx": OnnxFloat(),
                "int8": OnnxInt8(64),
                "executorch_int8": ExecutorchInt8(64),
            },
            {},
        ),
    ],
)
def test_files_of_an_earlier_version_are_recognised(tmp_path, changed, formats, settings):
    memory = recorded(tmp_path, OLD | changed)

    assert remembered(memory, source(formats, **settings)) == []


@pytest.mark.parametrize(
    ("formats", "settings"),
    [
        ({"onnx": OnnxFloat()}, {}),
        ({"onnx": OnnxFloat(), "int8": OnnxInt8(64)}, {}),
        ({"onnx": OnnxFloat(), "int8": OnnxInt8()}, {"num_threads": 2}),
        ({"onnx": OnnxFloat(), "int8": OnnxInt8(), "mine": OnnxFloat()}, {}),
    ],
    ids=["another format", "other calibration", "other threads", "one more"],
)
def test_other_settings_make_the_files_again(tmp_path, formats, settings):
    memory = recorded(tmp_path, OLD)

    assert remembered(memory, source(formats, **settings)) is None


@pytest.mark.parametrize("settings", [7, {}, None, [], {"onnx": True}])
def test_damaged_memory_makes_the_files_again(tmp_path, settings):
    assert remembered(recorded(tmp_path, settings), source({})) is None


@dataclass(frozen=True)
class Mine(Weights):
    """A format outside nas, with a setting that JSON cannot hold."""

    level: int = 1
    palette: object = frozenset({1})


def test_a_format_outside_nas_is_known_by_its_settings_its_class_and_its_source():
    one, same, other = (source({"mine": Mine(level)}) for level in (1, 1, 2))

    assert one == same != other
    told = one[-1]["formats"]["mine"]
    assert told["_target_"].endswith("test_made_files.Mine")
    assert len(told["_source_"]) == 16
