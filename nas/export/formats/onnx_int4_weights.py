"""`model_int4_weights.onnx`: weights alone in 4 bits, rounded after the training."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from nas.export.format import FileKind, Format
from nas.export.onnx_files import PROBE, USAGE, float_onnx, onnx_runner, require_onnx
from nas.export.onnx_integers import to_integer_weights
from nas.export.parity import INT4_TOLERANCE
from nas.export.peak_memory import MemoryProbe
from nas.export.shipped import Runner, ShippedNetwork
from nas.files import write_bytes


@dataclass(frozen=True)
class OnnxInt4Weights(Format):
    """Of a network of floats; whole numbers that were trained are in the file of `OnnxFloat`."""

    usage: ClassVar[str] = USAGE
    probe: ClassVar[MemoryProbe | None] = PROBE

    def check_packages(self) -> None:
        """Refuse to go on without the packages of ONNX."""
        require_onnx()

    def file_of(self, bits: int | None) -> FileKind | None:
        """Return a file for networks of floats alone."""
        if bits is not None:
            return None
        return FileKind("onnx int4 weights", "model_int4_weights.onnx", INT4_TOLERANCE)

    def write(self, network: ShippedNetwork, path: Path) -> None:
        """Write the file."""
        write_bytes(path, to_integer_weights(network.once(float_onnx), bits=4))

    def load(self, network: ShippedNetwork, path: Path) -> Runner:
        """Return the file in ONNX Runtime."""
        return onnx_runner(path, num_threads=network.num_threads)
