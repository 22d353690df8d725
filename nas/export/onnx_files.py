"""ONNX files of 32-bit floats, and what all ONNX files have in common.

The small networks of a search are smaller than the words around them: names, source lines and
shapes that the exporters write. `slimmed` takes them out, which changes no number. Files of whole
numbers: `onnx_integers`.
"""

import itertools
import string
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from nas.errors import MissingPackageError
from nas.export.deployable import Deployable, FloatArray

INPUT, OUTPUT = "images", "logits"
# What torch notes of each node's place in the source; nothing computes with it.
_FOR_PEOPLE = ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "from_node")
_LETTERS = string.ascii_letters + string.digits


def require_onnx() -> Any:
    """Return the module `onnx`, once all that exporting needs is there.

    Raises:
        MissingPackageError: onnx, onnxscript or onnxruntime is not installed.
    """
    try:
        import onnx
        import onnxruntime  # type: ignore[import-untyped]
        import onnxscript
    except ImportError as error:
        raise MissingPackageError(
            f"ONNX files need the package {error.name}: pip install 'nas[export]', or leave them "
            "out by export.onnx=false"
        ) from error
    del onnxruntime, onnxscript
    return onnx


def to_onnx(exported: torch.export.ExportedProgram) -> bytes:
    """Return an ONNX file of 32-bit floats: `images` (batch, C, H, W) to `logits` (batch, ...).

    Raises:
        MissingPackageError: the packages are not installed.
        Exception: whatever torch raises for operations that ONNX lacks.
    """
    onnx = require_onnx()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        program = torch.onnx.export(
            exported, dynamo=True, verbose=False, input_names=[INPUT], output_names=[OUTPUT]
        )
    assert program is not None, "the exporter returns a program when it writes no file"
    model = slimmed(program.model_proto)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def export_program(model: Deployable, example: FloatArray) -> torch.export.ExportedProgram:
    """Return the traced model, for any batch size from 1 on.

    Args:
        model: in evaluation mode.
        example: (N, C, H, W) real images, at least two.
    """
    batch = torch.export.Dim("batch", min=1, max=65_536)
    exported = torch.export.export(
        model, (torch.from_numpy(example[:2]),), dynamic_shapes={INPUT: {0: batch}}
    )
    for node in exported.graph.nodes:
        for words in _FOR_PEOPLE:
            node.meta.pop(words, None)
    return exported


def slimmed(model: Any) -> Any:
    """Return an ONNX model without what only people read: changed in place, computes the same."""
    graph = model.graph
    _drop_zero_points(graph)
    _merge_equal_constants(graph)
    kept = {value.name for value in itertools.chain(graph.input, graph.output)}
    names: dict[str, str] = {"": "", **{name: name for name in kept}}
    fresh = _short_names(kept)
    for node in graph.node:
        node.name = node.doc_string = ""
        del node.metadata_props[:]
        for values in (node.input, node.output):
            for place, name in enumerate(values):
                if name not in names:
                    names[name] = next(fresh)
                values[place] = names[name]
    for constant in graph.initializer:
        constant.name = names[constant.name]
        constant.doc_string = ""
        del constant.metadata_props[:]
    for value in itertools.chain(graph.input, graph.output):
        value.doc_string = ""
        del value.metadata_props[:]
    del graph.value_info[:], graph.metadata_props[:], model.metadata_props[:]
    graph.doc_string = model.doc_string = ""
    return model


def _drop_zero_points(graph: Any) -> None:
    """Leave out zero points that are all zero where weights are read: that is the default."""
    from onnx import numpy_helper

    constants = {constant.name: constant for constant in graph.initializer}
    for node in graph.node:
        if node.op_type != "DequantizeLinear" or len(node.input) < 3:
            continue
        is_weight, point = node.input[0] in constants, constants.get(node.input[2])
        if is_weight and point is not None and not numpy_helper.to_array(point).any():
            del node.input[2]


def _merge_equal_constants(graph: Any) -> None:
    """Let equal constants be one, and drop those that nobody reads; raw bytes instead of lists."""
    from onnx import numpy_helper

    first: dict[tuple[Any, ...], str] = {}
    same: dict[str, str] = {}
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for constant in graph.initializer:
        array = numpy_helper.to_array(constant)
        arrays[constant.name] = array
        key = (constant.data_type, array.shape, array.tobytes())
        same[constant.name] = first.setdefault(key, constant.name)
    for node in graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = same.get(name, name)
    read = {name for node in graph.node for name in node.input}
    read |= {value.name for value in graph.output}
    del graph.initializer[:]
    graph.initializer.extend(
        numpy_helper.from_array(array, name) for name, array in arrays.items() if name in read
    )


def _short_names(taken: set[str]) -> Iterator[str]:
    for length in itertools.count(1):
        for letters in itertools.product(_LETTERS, repeat=length):
            name = "".join(letters)
            if name not in taken:
                yield name
