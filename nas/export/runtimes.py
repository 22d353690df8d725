"""Runs exported files the way a deployment would: from the file, by its own runtime."""

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from nas.export.deployable import FloatArray
from nas.export.onnx_files import INPUT, require_onnx

Network = Callable[[FloatArray], FloatArray]

_MEMORY_PROBE = """
import json, sys
import numpy as np
path, shape = sys.argv[1], json.loads(sys.argv[2])
images = np.zeros(shape, np.float32)
def peak():
    # Of this program alone: ru_maxrss would include the process that started it.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
if path.endswith(".onnx"):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    before = peak()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    session.run(None, {session.get_inputs()[0].name: images})
else:
    import torch
    import torch.export
    torch.set_num_threads(1)
    torch.nn.functional.linear(torch.zeros(1, 1), torch.zeros(1, 1))
    before = peak()
    network = torch.export.load(path).module()
    with torch.inference_mode():
        network(torch.from_numpy(images))
print(peak() - before)
"""


def onnx_network(path: Path, *, num_threads: int) -> Network:
    """Load an ONNX file into ONNX Runtime on the CPU.

    Raises:
        MissingPackageError: it is not installed.
    """
    require_onnx()
    import onnxruntime  # type: ignore[import-untyped]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda images: np.asarray(session.run(None, {INPUT: images})[0])


def exported_network(path: Path) -> Network:
    """Load a file of torch.export; it runs with torch's own number of threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.export.load(str(path)).module()
    return torch_network(module)


def torch_network(module: Callable[[torch.Tensor], torch.Tensor]) -> Network:
    """Return a torch model as a function of arrays."""

    def run(images: FloatArray) -> FloatArray:
        with torch.inference_mode():
            return module(torch.from_numpy(images)).numpy()

    return run


def peak_memory_bytes(path: Path, image_shape: tuple[int, ...]) -> float:
    """Return by how much loading a file and running one image raises a process's peak memory.

    The process is fresh, and what importing the runtime takes is left out. Linux alone says it, in
    steps of 1024 bytes; NaN elsewhere.
    """
    shape = json.dumps([1, *image_shape])
    command = [sys.executable, "-W", "ignore", "-c", _MEMORY_PROBE, str(path), shape]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not done.stdout.strip().isdigit():
        return float("nan")
    return 1024.0 * float(done.stdout)
