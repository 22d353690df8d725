"""`model.pt2`: the program of torch.export, which runs with torch alone.

Weights that were trained as whole numbers are stored as whole numbers, where that makes the file
smaller.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch

from nas.export.format import FileKind, Format
from nas.export.peak_memory import MemoryProbe
from nas.export.shipped import Runner, ShippedNetwork, torch_runner
from nas.export.traced import traced, traced_model


@dataclass(frozen=True)
class TorchExport(Format):
    """The traced network; `predict.py` runs it where there is no ONNX Runtime."""

    usage: ClassVar[str] = (
        "`model.pt2` is a program of `torch.export` with the same input and output as the ONNX "
        "files; `predict.py` runs it where ONNX Runtime is not installed."
    )
    probe: ClassVar[MemoryProbe | None] = MemoryProbe(
        prepare="""
import torch
import torch.export
torch.set_num_threads(1)
torch.nn.functional.linear(torch.zeros(1, 1), torch.zeros(1, 1))
""",
        run="""
network = torch.export.load(path).module()
with torch.inference_mode():
    network(torch.from_numpy(images))
""",
    )

    def file_of(self, bits: int | None) -> FileKind:
        """Return the same file for every network."""
        del bits
        return FileKind("torch.export", "model.pt2")

    def write(self, network: ShippedNetwork, path: Path) -> None:
        """Write the program; of two that compute the same, the smaller one."""
        _write_smaller(network.once(traced), path)
        if network.stored is not None:
            _write_smaller(traced_model(network.packed_model(), network.example), path)

    def load(self, network: ShippedNetwork, path: Path) -> Runner:
        """Return the program; it runs with torch's own number of threads."""
        del network
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch_runner(torch.export.load(str(path)).module())


def _write_smaller(exported: torch.export.ExportedProgram, path: Path) -> None:
    """Write a program, unless a smaller one is there: unpacking whole numbers takes nodes too."""
    partial = path.with_name("partial.pt2")
    # The inputs that it was traced with are no part of what is shipped.
    examples, exported._example_inputs = exported.example_inputs, None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(exported, str(partial))
    exported._example_inputs = examples
    if path.exists() and path.stat().st_size <= partial.stat().st_size:
        partial.unlink()
    else:
        partial.replace(path)
