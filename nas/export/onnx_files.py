"""What the ONNX formats share: the packages, the file of floats that they start from, the runtime.

The exporters write names, source lines and shapes into a file, and in a small network these take
more bytes than the weights. `slimmed` takes them out, which changes no number.
"""

import itertools
import string
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nas.errors import MissingPackageError
from nas.export.peak_memory import MemoryProbe
from nas.export.shipped import Runner, ShippedNetwork
from nas.export.traced import INPUT, traced

OUTPUT = "logits"
USAGE = (
    "The ONNX files take `images`, floats (batch, channels, height, width) in the stored unit, at "
    "the size that `input.json` gives, and return `logits`."
)
PROBE = MemoryProbe(
    prepare="""
import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
""",
    run="""
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
session.run(None, {session.get_inputs()[0].name: images})
""",
)
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
            f"ONNX files need the package {error.name}: pip install 'nas[export]', or leave all "
            "of them out by export.onnx=false"
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


def float_onnx(network: ShippedNetwork) -> bytes:
    """Return the ONNX file of floats of a network. Call it by `network.once(float_onnx)`.

    Raises:
        Exception: whatever torch raises for a model that it cannot trace or convert.
    """
    return to_onnx(network.once(traced))


def onnx_session(path: Path, *, num_threads: int) -> Any:
    """Open an ONNX file in ONNX Runtime on the CPU.

    Raises:
        MissingPackageError: it is not installed.
    """
    require_onnx()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def onnx_runner(path: Path, *, num_threads: int) -> Runner:
    """Load an ONNX file into ONNX Runtime on the CPU.

    Raises:
        MissingPackageError: it is not installed.
    """
    session = onnx_session(path, num_threads=num_threads)
    return lambda images: np.asarray(session.run(None, {INPUT: images})[0])


def quantized(float_model: bytes, quantize: Callable[[str, str], None]) -> bytes:
    """Return the slim file that one of ONNX Runtime's quantizers makes of a file of floats.

    Args:
        float_model: what `to_onnx` returned.
        quantize: takes the path of the given file and that of the file to write.
    """
    onnx = require_onnx()
    from onnxruntime.quantization import (  # type: ignore[import-untyped]
        shape_inference,
    )

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given, prepared, made = (str(Path(folder) / name) for name in "abc")
        Path(given).write_bytes(float_model)
        shape_inference.quant_pre_process(given, prepared, skip_symbolic_shape=True)
        quantize(prepared, made)
        model = slimmed(onnx.load(made))
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def slimmed(model: Any) -> Any:
    """Take out of an ONNX model, in place, what only people read; it computes the same."""
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
    """Leave out the zero points of weights where all are zero: zero is the default."""
    from onnx import numpy_helper

    constants = {constant.name: constant for constant in graph.initializer}
    for node in graph.node:
        if node.op_type != "DequantizeLinear" or len(node.input) < 3:
            continue
        is_weight, point = node.input[0] in constants, constants.get(node.input[2])
        if is_weight and point is not None and not numpy_helper.to_array(point).any():
            del node.input[2]


def _merge_equal_constants(graph: Any) -> None:
    """Keep one of equal constants, drop those that nobody reads, and store all as raw bytes."""
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
