"""Files that are compiled ahead of time: machine code by AOTInductor, ExecuTorch programs.

Both are optional. AOTInductor needs a C++ compiler and about half a minute a network, and its file
runs on the kind of processor that it was made on. ExecuTorch's program runs on phones and small
devices, through XNNPACK here, in floats or in int8; it takes one example at a time.
"""

import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from nas.errors import MissingPackageError
from nas.export.deployable import FloatArray
from nas.export.runtimes import Network, torch_network

COMPILED = "model_compiled.pt2"
_COMPILERS = ("g++", "clang++", "c++")


def require_compiler() -> None:
    """Refuse to go on where AOTInductor cannot compile.

    Raises:
        MissingPackageError: there is no C++ compiler on the path.
    """
    if not any(map(shutil.which, _COMPILERS)):
        raise MissingPackageError(
            f"export.aot_inductor needs a C++ compiler, and none of {', '.join(_COMPILERS)} is on "
            "the path: install one, or leave it out by export.aot_inductor=false"
        )


def require_executorch() -> Any:
    """Return the module `executorch.exir`.

    Raises:
        MissingPackageError: ExecuTorch is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import executorch.exir
    except ImportError as error:
        raise MissingPackageError(
            f"model.pte needs the package {error.name}: pip install 'nas[executorch]', or leave "
            "it out by export.executorch=false"
        ) from error
    return executorch.exir


def compile_ahead(exported: torch.export.ExportedProgram, path: Path) -> None:
    """Write machine code for this kind of processor into `path`, weights included."""
    from torch._inductor import aoti_compile_and_package

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        aoti_compile_and_package(exported, package_path=str(path))


def compiled_network(path: Path) -> Network:
    """Load what `compile_ahead` wrote; it runs with torch's own number of threads."""
    from torch._inductor import aoti_load_package

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch_network(aoti_load_package(str(path)))


def to_executorch(model: nn.Module, examples: FloatArray) -> bytes:
    """Return a program for one example at a time, whose operations XNNPACK takes over.

    Args:
        model: in evaluation mode, on the CPU.
        examples: (N, C, H, W) real inputs.
    """
    return _lowered(model, torch.from_numpy(examples[:1]))


def to_executorch_int8(model: nn.Module, calibration: FloatArray) -> bytes:
    """Return a program whose weights and activations are 8-bit integers, by XNNPACK's quantizer.

    Args:
        model: in evaluation mode, on the CPU.
        calibration: (N, C, H, W) real inputs, to find the ranges of activations.
    """
    require_executorch()
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
        return _lowered(convert_pt2e(graph), example)


def _lowered(model: nn.Module, example: torch.Tensor) -> bytes:
    exir = require_executorch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner

        exported = torch.export.export(model, (example,))
        lowered = exir.to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
        return bytes(lowered.to_executorch().buffer)


def executorch_network(path: Path) -> Network:
    """Load a program; several examples go through it one after the other."""
    require_executorch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own bindings about themselves
        from executorch.runtime import Runtime

    method = Runtime.get().load_program(str(path)).load_method("forward")

    def run(images: FloatArray) -> FloatArray:
        # An output lies where the next one will lie, so each is copied at once.
        outputs = [method.execute([torch.from_numpy(i[None])])[0].numpy().copy() for i in images]
        return np.concatenate(outputs)

    return run
