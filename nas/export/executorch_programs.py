"""What the ExecuTorch formats share: the package, lowering for XNNPACK, and the runtime.

A program runs on phones and small devices. It takes one example at a time.
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from nas.errors import MissingPackageError
from nas.export.deployable import FloatArray
from nas.export.shipped import Runner


def require_executorch(file: str, flag: str) -> Any:
    """Return the module `executorch.exir`.

    Args:
        file: that needs it, for the message.
        flag: what leaves that file out, for the message.

    Raises:
        MissingPackageError: ExecuTorch is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import executorch.exir
    except ImportError as error:
        raise MissingPackageError(
            f"{file} needs the package {error.name}: pip install 'nas[executorch]', or leave it "
            f"out by {flag}=false"
        ) from error
    return executorch.exir


def lowered(model: nn.Module, example: torch.Tensor) -> bytes:
    """Return a program for one example, whose operations XNNPACK takes over."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import executorch.exir
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner

        exported = torch.export.export(model, (example,))
        program = executorch.exir.to_edge_transform_and_lower(
            exported, partitioner=[XnnpackPartitioner()]
        )
        return bytes(program.to_executorch().buffer)


def executorch_runner(path: Path) -> Runner:
    """Load a program; several examples go through it one after the other."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own bindings about themselves
        from executorch.runtime import Runtime

    method = Runtime.get().load_program(str(path)).load_method("forward")

    def run(images: FloatArray) -> FloatArray:
        # An output lies where the next one will lie, so each is copied at once.
        outputs = [method.execute([torch.from_numpy(i[None])])[0].numpy().copy() for i in images]
        return np.concatenate(outputs)

    return run
