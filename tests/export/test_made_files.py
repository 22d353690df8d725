"""What is remembered of files that were made."""

import json
from dataclasses import dataclass

import pytest

from nas.export.formats.onnx_float import OnnxFloat
from nas.export.formats.onnx_int8 import OnnxInt8
from nas.export.formats.torch_export import TorchExport
from nas.export.formats.weights import Weights
from nas.export.made_files import made_from, remembered

ALWAYS = {"weights": Weights(), "torch_export": TorchExport()}


def recorded(folder, made_from):
    memory = folder / "artefacts.json"
    memory.write_text(json.dumps({"made_from": made_from, "rows": []}))
    return memory


def source(formats, **settings):
    settings = {"num_threads": 1, "peak_memory": True, **settings}
    return made_from(["job", "retrained"], ALWAYS | formats, **settings)


BOTH = {"onnx": OnnxFloat(), "int8": OnnxInt8()}


def test_files_that_were_made_from_the_same_are_recognised(tmp_path):
    memory = recorded(tmp_path, source(BOTH))

    assert remembered(memory, source(dict(reversed(BOTH.items())))) == []


def test_files_of_an_earlier_version_are_made_again(tmp_path):
    version, *rest = source(BOTH)

    assert remembered(recorded(tmp_path, [version - 1, *rest]), source(BOTH)) is None


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
    memory = recorded(tmp_path, source(BOTH))

    assert remembered(memory, source(formats, **settings)) is None


@pytest.mark.parametrize(("before", "now", "serves"), [(True, False, True), (False, True, False)])
def test_files_whose_memory_was_measured_serve_where_it_need_not_be(tmp_path, before, now, serves):
    memory = recorded(tmp_path, source(BOTH, peak_memory=before))

    assert (remembered(memory, source(BOTH, peak_memory=now)) == []) is serves


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
