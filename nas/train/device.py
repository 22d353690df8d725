"""Where and in which precision a trial computes, and how its memory is held.

Nothing here is chosen by the user but the device; experiments/training_speed has measurements.
"""

import ctypes
import logging
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from nas.errors import ConfigError

log = logging.getLogger(__name__)

# glibc's numbers of the settings (malloc.h).
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3

_CUDA_ERROR_MEMORY_ALLOCATION = 2  # of CUDA's enum cudaError
_NAMED_ALLOCATORS = ("DefaultCPUAllocator: ", "MPS backend out of memory")


def choose_device(name: str) -> torch.device:
    """Return the device of that name; `auto` takes cuda, then mps, then cpu.

    Raises:
        ConfigError: the machine has no such device.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device, is_there in available.items() if is_there)
    if not available.get(name, False):
        there = ", ".join(device for device, is_there in available.items() if is_there)
        raise ConfigError(f"training.device is {name!r}, but torch finds only {there} here")
    return torch.device(name)


def limit_device_memory(device: torch.device, share: float | None) -> None:
    """Keep this process within a share of the GPU, where several workers share one."""
    if device.type == "cuda" and share is not None and 0.0 < share < 1.0:
        torch.cuda.set_per_process_memory_fraction(share)


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """Return bfloat16 autocast for GPUs with matrix units for it (sm80 on), else nothing.

    On CPUs bfloat16 lost to float32 for networks of this size, with and without matrix units.
    """
    if device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0):
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


def keep_freed_memory() -> None:
    """Tell glibc to keep freed memory instead of giving it back after each step.

    Each training step frees and takes its activations again, which costs a page fault for every
    4 kB. The price: the process keeps its peak. Does nothing where the C library is not glibc.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        libc.mallopt(_M_TOP_PAD, 64 << 20)
    except (OSError, AttributeError):
        log.debug("no glibc here: freed memory goes back to the system")


def prepare_process(
    device: str, *, num_threads: float | None, gpu_share: float | None
) -> torch.device:
    """Set up memory and threads of a process that trains, and return its device.

    Args:
        device: auto, cpu, cuda or mps.
        num_threads: CPU threads; None for as many as torch takes.
        gpu_share: GPUs of this process; below 1 its share of the memory is kept too.

    Raises:
        ConfigError: the machine has no such device.
    """
    keep_freed_memory()
    if num_threads is not None:
        torch.set_num_threads(max(1, int(num_threads)))
    found = choose_device(device)
    limit_device_memory(found, gpu_share)
    return found


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an exception means that memory, of the machine or the device, ran out.

    The type says so, or the error code of the accelerator. Only the allocators of the CPU and of
    Apple's GPUs raise a plain `RuntimeError`; they are known by the name that they give.
    """
    if isinstance(error, torch.cuda.OutOfMemoryError | MemoryError):
        return True
    if isinstance(error, getattr(torch, "AcceleratorError", ())):  # torch 2.8 on
        return getattr(error, "error_code", None) == _CUDA_ERROR_MEMORY_ALLOCATION
    return type(error) is RuntimeError and any(name in str(error) for name in _NAMED_ALLOCATORS)


@contextmanager
def own_randomness(device: torch.device, seed: int) -> Iterator[None]:
    """Seed torch for one trial, and give the process its own random state back afterwards."""
    devices = [torch.cuda.current_device()] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        yield


def release_device_memory(device: torch.device) -> None:
    """Give cached GPU memory back, as other workers may share the GPU."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
