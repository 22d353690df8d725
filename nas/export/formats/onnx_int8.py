"""`model_int8.onnx`: weights and activations in 8 bits, with ranges that are found beforehand.

The ranges of activations are found on real inputs; weights have a scale for each output channel.
Only what multiplies weights is quantized, and biases stay floats: on networks of 5,000 to 500,000
parameters that was as accurate as quantizing everything, in 7 % fewer bytes.

x86 CPUs without VNNI add two products of 8 bits in 16, which may not hold them: of two networks
with whitening filters 53 % of the classes were those of the floats there. So weights have 7 bits
(https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html), after which 96 %
were, and a first convolution of few weights stays in floats, after which 98 and 99 % were.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from nas.export.calibration import DEFAULT_IMAGES, check_count
from nas.export.deployable import FloatArray
from nas.export.format import FileKind, Format
from nas.export.onnx_files import (
    PROBE,
    USAGE,
    float_onnx,
    onnx_runner,
    quantized,
    require_onnx,
)
from nas.export.parity import INT8_TOLERANCE
from nas.export.peak_memory import MemoryProbe
from nas.export.shipped import Runner, ShippedNetwork
from nas.export.traced import INPUT
from nas.files import write_bytes

_BATCH = 32
_WITH_WEIGHTS = ["Conv", "Gemm", "MatMul", "ConvTranspose"]
_FEW = 0.05  # of all weights; floats take four times the bytes


@dataclass(frozen=True)
class OnnxInt8(Format):
    """Whole numbers from end to end, but for weights that were trained in 4 bits.

    Attributes:
        calibration_images: training inputs that the ranges are found on; 64 to 1024.
    """

    usage: ClassVar[str] = USAGE
    probe: ClassVar[MemoryProbe | None] = PROBE
    calibration_images: int = DEFAULT_IMAGES

    def __post_init__(self) -> None:
        """Check the setting."""
        check_count(self.calibration_images)

    def check_packages(self) -> None:
        """Refuse to go on without the packages of ONNX."""
        require_onnx()

    def file_of(self, bits: int | None) -> FileKind | None:
        """Return a file, but none for weights of 4 bits: 8 would make them larger."""
        return None if bits == 4 else FileKind("onnx int8", "model_int8.onnx", INT8_TOLERANCE)

    def write(self, network: ShippedNetwork, path: Path) -> None:
        """Write the file."""
        calibration = network.calibration(self.calibration_images)
        model = network.once(float_onnx)
        write_bytes(path, to_int8(model, calibration, is_trained_so=network.bits == 8))

    def load(self, network: ShippedNetwork, path: Path) -> Runner:
        """Return the file in ONNX Runtime."""
        return onnx_runner(path, num_threads=network.num_threads)


def to_int8(float_model: bytes, calibration: FloatArray, *, is_trained_so: bool = False) -> bytes:
    """Return the ONNX file with weights and their inputs as 8-bit integers.

    Args:
        float_model: what `to_onnx` returned.
        calibration: (N, C, H, W) real inputs, to find the ranges of activations.
        is_trained_so: weights lie on grids of 8 bits, and keep them.
    """
    from onnxruntime.quantization import (  # type: ignore[import-untyped]
        QuantFormat,
        QuantType,
        quantize_static,
    )

    def quantize(prepared: str, made: str) -> None:
        kept = [] if is_trained_so else _name_first_convolution(prepared)
        quantize_static(
            prepared, made, _Batches(calibration), quant_format=QuantFormat.QDQ,
            op_types_to_quantize=_WITH_WEIGHTS, nodes_to_exclude=kept, per_channel=True,
            weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8,
            reduce_range=not is_trained_so, extra_options={"QuantizeBias": False},
        )  # fmt: skip

    return quantized(float_model, quantize)


def _name_first_convolution(path: str) -> list[str]:
    """Return the name of a first convolution of few weights, which a file of floats gets here."""
    onnx = require_onnx()
    model = onnx.load(path)
    sizes = {tensor.name: math.prod(tensor.dims) for tensor in model.graph.initializer}
    layers = [node for node in model.graph.node if node.op_type in _WITH_WEIGHTS]
    weights = [sizes.get(node.input[1], 0) for node in layers]
    if not layers or layers[0].op_type != "Conv" or weights[0] > _FEW * sum(weights):
        return []
    layers[0].name = "first_convolution"
    onnx.save(model, path)
    return ["first_convolution"]


class _Batches:
    """Feeds calibration inputs; ONNX Runtime asks for nothing but `get_next`."""

    def __init__(self, images: FloatArray) -> None:
        starts = range(0, len(images), _BATCH)
        self._batches = iter([images[start : start + _BATCH] for start in starts])

    def get_next(self) -> dict[str, FloatArray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}

    def set_range(self, start_index: int, end_index: int) -> None:
        """Do nothing: there is one range."""

    def __len__(self) -> int:
        return 1
