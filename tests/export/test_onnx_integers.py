"""ONNX files whose weights are whole numbers."""

import numpy as np
import pytest
import torch
from torch import nn

onnx = pytest.importorskip("onnx", reason="the extra 'export' is not installed")
ort = pytest.importorskip("onnxruntime", reason="the extra 'export' is not installed")
pytest.importorskip("onnxscript", reason="the extra 'export' is not installed")

from nas.export.deployable import Deployable  # noqa: E402 - after what may skip
from nas.export.formats.onnx_int8_dynamic import to_int8_dynamic  # noqa: E402
from nas.export.onnx_files import to_onnx  # noqa: E402
from nas.export.onnx_integers import integer_grid, to_integer_weights  # noqa: E402
from nas.export.traced import export_program  # noqa: E402


class Mixed(nn.Module):
    """A convolution, a depthwise one, a product of matrices and a classifier."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(8, 16, 3, padding=1)
        self.depthwise = nn.Conv2d(16, 16, 3, groups=16, bias=False)
        self.inner = nn.Linear(16, 64)
        self.last = nn.Linear(64, 10)

    def forward(self, images):
        features = self.depthwise(self.first(images).relu()).relu()
        tokens = self.inner(features.flatten(2).transpose(1, 2)).relu()
        return self.last(tokens.mean(1))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(5, 8, 6, 6)).astype(np.float32)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Deployable(Mixed(), mean=(0.0,) * 8, std=(1.0,) * 8).eval()


@pytest.fixture
def float_file(model, images):
    return to_onnx(export_program(model, images))


def run(content, images):
    # Its optimizer rounds the inputs of matrix products too, to 8 bits: here the file is judged.
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return session.run(None, {"images": images})[0]


@pytest.mark.parametrize("bits", [8, 4])
def test_file_computes_with_the_rounded_weights(model, float_file, images, bits):
    content = to_integer_weights(float_file, bits=bits)

    for name, parameter in model.named_parameters():
        if name.endswith("weight"):
            rows = parameter.detach().flatten(1).numpy()
            # Depthwise kernels have 9 numbers to a channel, too few for 4 bits.
            levels, scales = integer_grid(rows, bits=8 if rows.shape[1] < 32 else bits)
            rounded = torch.from_numpy(levels * scales[:, None]).view_as(parameter)
            parameter.data = rounded.float()
    with torch.inference_mode():
        expected = model(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(run(content, images), expected, atol=1e-5)


def test_weights_take_the_bytes_of_their_bits(float_file):
    kinds = {
        bits: {
            (constant.data_type, len(constant.raw_data) or len(constant.int32_data))
            for constant in onnx.load_from_string(
                to_integer_weights(float_file, bits=bits)
            ).graph.initializer
            if constant.data_type in (onnx.TensorProto.INT8, onnx.TensorProto.INT4)
        }
        for bits in (8, 4)
    }

    int8, int4 = onnx.TensorProto.INT8, onnx.TensorProto.INT4
    first, depthwise, inner, last = 16 * 8 * 9, 16 * 9, 16 * 64, 64 * 10
    assert kinds[8] == {(int8, first), (int8, depthwise), (int8, inner), (int8, last)}
    # The inner layer has 16 weights to an output: below 32, it keeps 8 bits, as depthwise does.
    assert kinds[4] == {(int4, first // 2), (int8, depthwise), (int8, inner), (int4, last // 2)}


@pytest.mark.parametrize("bits", [4, 8])
def test_weights_on_a_grid_are_kept_exactly(bits):
    rng = np.random.default_rng(0)
    highest = 2 ** (bits - 1) - 1
    levels = rng.integers(-highest, highest + 1, size=(6, 50))
    levels[:, 0] = highest
    weight = (levels * rng.uniform(0.01, 1.0, size=(6, 1))).astype(np.float32)

    found, scales = integer_grid(weight, bits=bits)

    np.testing.assert_array_equal(found, levels)
    np.testing.assert_allclose(found * scales[:, None], weight, rtol=1e-6)


def test_grid_of_4_bits_leaves_outliers_out_where_that_is_better():
    weight = np.concatenate([np.linspace(-1, 1, 200), [1.6]])[None].astype(np.float32)

    levels, scales = integer_grid(weight, bits=4)

    error = np.square(levels * scales[:, None] - weight).sum()
    wide = np.round(weight / (1.6 / 7)) * (1.6 / 7)
    assert error < np.square(wide - weight).sum()
    assert scales[0] < 1.6 / 7


def test_dynamic_file_stays_near_the_floats(float_file, images):
    floats, integers = run(float_file, images), run(to_int8_dynamic(float_file), images)

    assert np.abs(integers - floats).max() < 0.1 * np.abs(floats).max()
    assert not np.array_equal(integers, floats)


def test_weights_that_were_trained_in_4_bits_all_take_4(model, images):
    for parameter in model.parameters():
        if parameter.ndim > 1:
            rows = parameter.detach().flatten(1)
            scales = rows.abs().amax(1, keepdim=True) / 7
            parameter.data = ((rows / scales).round() * scales).view_as(parameter)
    given = to_onnx(export_program(model, images))

    content = to_integer_weights(given, bits=4, is_trained_so=True)

    constants = onnx.load_from_string(content).graph.initializer
    kinds = [constant.data_type for constant in constants if len(constant.dims) > 1]
    assert kinds.count(onnx.TensorProto.INT4) == 4
    assert onnx.TensorProto.INT8 not in kinds
    np.testing.assert_allclose(run(content, images), run(given, images), atol=1e-5)
