"""`model.pte`: an ExecuTorch program for phones and small devices, in floats."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from nas.export.deployable import FloatArray
from nas.export.executorch_programs import executorch_runner, lowered, require_executorch
from nas.export.format import FileKind, Format
from nas.export.shipped import Runner, ShippedNetwork
from nas.files import write_bytes


@dataclass(frozen=True)
class Executorch(Format):
    """Floats, by XNNPACK."""

    def check_packages(self) -> None:
        """Refuse to go on without ExecuTorch."""
        require_executorch("model.pte", "export.executorch")

    def file_of(self, bits: int | None) -> FileKind:
        """Return the same file for every network."""
        del bits
        return FileKind("ExecuTorch", "model.pte")

    def write(self, network: ShippedNetwork, path: Path) -> None:
        """Write the program."""
        write_bytes(path, to_executorch(network.model, network.example))

    def load(self, network: ShippedNetwork, path: Path) -> Runner:
        """Return the program in ExecuTorch's runtime."""
        del network
        return executorch_runner(path)


def to_executorch(model: nn.Module, examples: FloatArray) -> bytes:
    """Return a program for one example at a time, whose operations XNNPACK takes over.

    Args:
        model: in evaluation mode, on the CPU.
        examples: (N, C, H, W) real inputs.
    """
    return lowered(model, torch.from_numpy(examples[:1]))
