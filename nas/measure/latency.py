"""How long one image takes, measured where the model is."""

import statistics
import time

import torch
from torch import nn

from nas.measure.cost import input_size
from nas.task import DataShape

_NUM_WARMUP = 10  # cuDNN and oneDNN pick kernels on the first calls


def measure_latency_ms(
    model: nn.Module,
    data: DataShape,
    *,
    device: torch.device,
    min_repeats: int = 50,
    min_seconds: float = 0.2,
) -> float:
    """Return the median time of one forward pass of one image, milliseconds.

    The median is robust against other work on the machine, not immune: compare figures of idle
    machines only. The model is left in evaluation mode.

    Args:
        model: on `device`.
        data: the images that it takes, unless the model declares `input_size`.
        device: where to measure.
        min_repeats: timed passes, at least.
        min_seconds: timed passes go on at least for so long.
    """
    model.eval()
    shape = (1, data.input_shape[0], *input_size(model, data))
    images = torch.zeros(shape, device=device).to(memory_format=torch.channels_last)
    times: list[float] = []
    with torch.inference_mode():
        for _ in range(_NUM_WARMUP):
            model(images)
        _wait(device)
        while len(times) < min_repeats or sum(times) < min_seconds:
            started = time.perf_counter()
            model(images)
            _wait(device)
            times.append(time.perf_counter() - started)
    return 1000.0 * statistics.median(times)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
