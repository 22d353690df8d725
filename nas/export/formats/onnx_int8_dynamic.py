"""`model_int8_dynamic.onnx`: weights in 8 bits; the ranges of their inputs are found at run time.

By ONNX Runtime's quantizer. Convolutions become `ConvInteger`, which is slow: this is for networks
of matrix products.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

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
from nas.files import write_bytes


@dataclass(frozen=True)
class OnnxInt8Dynamic(Format):
    """Needs no calibration."""

    usage: ClassVar[str] = USAGE
    probe: ClassVar[MemoryProbe | None] = PROBE

    def check_packages(self) -> None:
        """Refuse to go on without the packages of ONNX."""
        require_onnx()

    def file_of(self, bits: int | None) -> FileKind | None:
        """Return a file, but none for weights of 4 bits: 8 would make them larger."""
        if bits == 4:
            return None
        return FileKind("onnx int8 dynamic", "model_int8_dynamic.onnx", INT8_TOLERANCE)

    def write(self, network: ShippedNetwork, path: Path) -> None:
        """Write the file."""
        write_bytes(path, to_int8_dynamic(network.once(float_onnx)))

    def load(self, network: ShippedNetwork, path: Path) -> Runner:
        """Return the file in ONNX Runtime."""
        return onnx_runner(path, num_threads=network.num_threads)


def to_int8_dynamic(float_model: bytes) -> bytes:
    """Return the ONNX file with 8-bit weights, whose inputs are rounded as they come."""
    from onnxruntime.quantization import (  # type: ignore[import-untyped]
        QuantType,
        quantize_dynamic,
    )

    def quantize(prepared: str, made: str) -> None:
        quantize_dynamic(
            prepared,
            made,
            op_types_to_quantize=["Conv", "Gemm", "MatMul"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            # x86 CPUs without VNNI add two products of 8 bits in 16, which may not hold them.
            reduce_range=True,
        )

    return quantized(float_model, quantize)
