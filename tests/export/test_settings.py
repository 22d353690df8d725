"""Which formats go together."""

import pytest

from nas.errors import ConfigError
from nas.export.format import FileKind
from nas.export.formats.onnx_float import OnnxFloat
from nas.export.formats.onnx_int4_weights import OnnxInt4Weights
from nas.export.formats.onnx_int8 import OnnxInt8
from nas.export.formats.onnx_int8_dynamic import OnnxInt8Dynamic
from nas.export.formats.weights import Weights
from nas.export.settings import ExportSettings

ONNX = {
    "onnx": OnnxFloat(),
    "int8": OnnxInt8(),
    "int8_dynamic": OnnxInt8Dynamic(),
    "int4": OnnxInt4Weights(),
}


class Named(Weights):
    """Makes a file of any name."""

    def __init__(self, kind, name):
        object.__setattr__(self, "file", FileKind(kind, name))

    def file_of(self, bits):
        return self.file


@pytest.mark.parametrize(
    ("bits", "files"),
    [
        (None, ["model", "model_int8", "model_int8_dynamic", "model_int4_weights"]),
        (8, ["model_int8_weights", "model_int8", "model_int8_dynamic"]),
        (4, ["model_int4_weights"]),
    ],
)
def test_weights_that_were_trained_as_integers_stay_such(bits, files):
    found = ExportSettings(ONNX).files_of(bits)

    assert [file.name for file in found.values()] == [f"{name}.onnx" for name in files]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (Named("mine", "model.safetensors"), "mine makes model.safetensors, and so does export"),
        (Named("mine", "README.md"), "mine makes README.md, and so does nas itself"),
        (Named("safetensors", "mine.bin"), "mine makes kind safetensors, and so does"),
        (Named("mine", "../mine.bin"), "'../mine.bin', which is no name of a file"),
        (Named("mine", "a\\b"), "which is no name of a file"),
        (Named("mine", ""), "which is no name of a file"),
    ],
)
def test_each_file_has_a_name_and_a_kind_of_its_own(made, message):
    with pytest.raises(ConfigError, match=message):
        ExportSettings({"weights": Weights(), "mine": made})


def test_what_a_card_says_of_a_use_is_said_once():
    usages = ExportSettings(ONNX).usages(frozenset({"onnx", "onnx int8"}))

    assert usages == [OnnxFloat.usage]
    assert ExportSettings(ONNX).usages(frozenset()) == []
