"""`model.onnx`: 32-bit floats, for any runtime that reads ONNX.

A network whose weights were trained as whole numbers keeps them: its file is
`model_int8_weights.onnx` or `model_int4_weights.onnx`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from nas.export.format import FileKind, Format
from nas.export.onnx_files import PROBE, USAGE, float_onnx, onnx_runner, require_onnx
from nas.export.onnx_integers import to_integer_weights
from nas.export.parity import WEIGHTS_TOLERANCE
from nas.export.peak_memory import MemoryProbe
from nas.export.shipped import Runner, ShippedNetwork
from nas.files import write_bytes


@dataclass(frozen=True)
class OnnxFloat(Format):
    """The network as it was trained: floats, or whole numbers where the weights are such."""

    usage: ClassVar[str] = USAGE
    probe: ClassVar[MemoryProbe | None] = PROBE

    def check_packages(self) -> None:
        """Refuse to go on without the packages of ONNX."""
        require_onnx()

    def file_of(self, bits: int | None) -> FileKind:
        """Return the file of floats, or that of the whole numbers that were trained."""
        if bits is None:
            return FileKind("onnx", "model.onnx")
        name = f"model_int{bits}_weights.onnx"
        return FileKind(f"onnx int{bits} weights", name, WEIGHTS_TOLERANCE)

    def write(self, network: ShippedNetwork, path: Path) -> None:
        """Write the file."""
        content = network.once(float_onnx)
        if network.bits is not None:
            content = to_integer_weights(content, bits=network.bits, is_trained_so=True)
        write_bytes(path, content)

    def load(self, network: ShippedNetwork, path: Path) -> Runner:
        """Return the file in ONNX Runtime."""
        return onnx_runner(path, num_threads=network.num_threads)
