"""`model_int8.pte`: an ExecuTorch program whose weights and activations have 8 bits.

By XNNPACK's quantizer.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from nas.export.calibration import DEFAULT_IMAGES, check_count
from nas.export.deployable import FloatArray
from nas.export.executorch_programs import executorch_runner, lowered, require_executorch
from nas.export.format import FileKind, Format
from nas.export.parity import INT8_TOLERANCE
from nas.export.shipped import Runner, ShippedNetwork
from nas.files import write_bytes


@dataclass(frozen=True)
class ExecutorchInt8(Format):
    """Whole numbers, by XNNPACK.

    Attributes:
        calibration_images: training inputs that the ranges are found on; 64 to 1024.
    """

    calibration_images: int = DEFAULT_IMAGES

    def __post_init__(self) -> None:
        """Check the setting."""
        check_count(self.calibration_images)

    def check_packages(self) -> None:
        """Refuse to go on without ExecuTorch."""
        require_executorch("model_int8.pte", "export.executorch_int8")

    def file_of(self, bits: int | None) -> FileKind:
        """Return the same file for every network."""
        del bits
        return FileKind("ExecuTorch int8", "model_int8.pte", INT8_TOLERANCE)

    def write(self, network: ShippedNetwork, path: Path) -> None:
        """Write the program."""
        calibration = network.calibration(self.calibration_images)
        write_bytes(path, to_executorch_int8(network.model, calibration))

    def load(self, network: ShippedNetwork, path: Path) -> Runner:
        """Return the program in ExecuTorch's runtime."""
        del network
        return executorch_runner(path)


def to_executorch_int8(model: nn.Module, calibration: FloatArray) -> bytes:
    """Return a program whose weights and activations are 8-bit integers, by XNNPACK's quantizer.

    Args:
        model: in evaluation mode, on the CPU.
        calibration: (N, C, H, W) real inputs, to find the ranges of activations.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
            XNNPACKQuantizer,
            get_symmetric_quantization_config,
        )
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

        example = torch.from_numpy(calibration[:1])
        settings = get_symmetric_quantization_config(is_per_channel=True)
        quantizer = XNNPACKQuantizer().set_global(settings)
        graph = prepare_pt2e(torch.export.export(model, (example,)).module(), quantizer)
        with torch.no_grad():
            for image in torch.from_numpy(calibration):
                graph(image[None])
        return lowered(convert_pt2e(graph), example)
