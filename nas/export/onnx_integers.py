"""ONNX files whose weights alone are whole numbers, of 8 or 4 bits.

A standard ONNX node makes them floats when the file is loaded (opset 21 has 4-bit numbers). This
works for any network in any runtime. It saves bytes, not time.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from nas.export.onnx_files import require_onnx, slimmed

_WITH_WEIGHTS = ["Conv", "Gemm", "MatMul", "ConvTranspose"]
_OPSET = 21  # the first with 4-bit integers
_SHARES = np.linspace(1.0, 0.6, 21)  # of a channel's largest weight, at which its grid may end
# Where a channel has fewer weights, 4 bits save few bytes and lose much accuracy: they get 8.
_FEW = 32


def to_integer_weights(float_model: bytes, *, bits: int, is_trained_so: bool = False) -> bytes:
    """Return the ONNX file with its weights, and nothing else, as integers of 8 or 4 bits.

    Each output channel has a symmetric grid of levels, whose end is chosen so that the squared
    error of the weights is least. Weights that already lie on such a grid are kept exactly.

    Args:
        float_model: what `to_onnx` returned.
        bits: 8 or 4.
        is_trained_so: all weights lie on such grids. Where they do not, weights with few numbers
            to a channel, such as depthwise kernels, get 8 bits.
    """
    few = 0 if is_trained_so else _FEW
    onnx = require_onnx()
    model = onnx.version_converter.convert_version(onnx.load_from_string(float_model), _OPSET)
    constants = {constant.name: constant for constant in model.graph.initializer}
    readers = _readers(model.graph)
    for node in list(model.graph.node):
        if node.op_type not in _WITH_WEIGHTS or len(readers[node.input[1]]) > 1:
            continue
        constant = constants.get(node.input[1])
        if constant is not None and len(constant.dims) > 1:
            _store_weight(model.graph, node, constant, bits, few)
    model = slimmed(model)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def integer_grid(
    weight_KN: npt.NDArray[np.float32],  # noqa: N803 - names of tensors end in their shapes
    *,
    bits: int,
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Return levels (K, N) and the scale (K,) of each row that has the least squared error.

    Args:
        weight_KN: K output channels of N weights.
        bits: 8 or 4.
    """
    highest = (1 << (bits - 1)) - 1
    largest = np.abs(weight_KN).max(axis=1).clip(min=1e-12)
    best = np.full(len(weight_KN), np.inf)
    scales = largest / highest
    for share in _SHARES if bits == 4 else _SHARES[:1]:
        tried = (share * largest / highest).astype(np.float32)
        rounded = _levels(weight_KN, tried, highest) * tried[:, None]
        error = np.square(rounded - weight_KN).sum(axis=1)
        scales = np.where(error < best, tried, scales)
        best = np.minimum(error, best)
    scales = scales.astype(np.float32)
    return _levels(weight_KN, scales, highest).astype(np.int8), scales


def _levels(
    weight_KN: npt.NDArray[np.float32],  # noqa: N803
    scales: npt.NDArray[np.float32],
    highest: int,
) -> npt.NDArray[np.float32]:
    found: npt.NDArray[np.float32] = np.round(weight_KN / scales[:, None]).clip(-highest, highest)
    return found


def _readers(graph: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for node in graph.node:
        for name in node.input:
            found.setdefault(name, []).append(node.op_type)
    return found


def _store_weight(graph: Any, node: Any, constant: Any, bits: int, few: int) -> None:
    """Store a weight as whole numbers, and add the node that makes floats of them."""
    from onnx import TensorProto, helper, numpy_helper

    weight = numpy_helper.to_array(constant)
    axis = _output_axis(node, weight.ndim)
    rows = np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1)
    own_bits = 8 if rows.shape[1] < few else bits
    levels, scales = integer_grid(rows, bits=own_bits)
    moved = levels.reshape(np.moveaxis(weight, axis, 0).shape)
    stored = np.ascontiguousarray(np.moveaxis(moved, 0, axis))
    kind = TensorProto.INT8 if own_bits == 8 else TensorProto.INT4
    name, scale, made = (f"{constant.name}_{word}" for word in ("levels", "scale", "made"))
    graph.initializer.remove(constant)
    graph.initializer.append(helper.make_tensor(name, kind, stored.shape, stored.flatten()))
    graph.initializer.append(numpy_helper.from_array(scales, scale))
    floats = helper.make_node("DequantizeLinear", [name, scale], [made], axis=axis)
    graph.node.insert(list(graph.node).index(node), floats)
    node.input[1] = made


def _output_axis(node: Any, num_dims: int) -> int:
    """Return the axis of output channels of a weight."""
    if node.op_type == "Conv":
        return 0
    if node.op_type == "ConvTranspose":
        return 1
    if node.op_type == "Gemm":
        is_turned = any(a.name == "transB" and a.i for a in node.attribute)
        return 0 if is_turned else 1
    return num_dims - 1
