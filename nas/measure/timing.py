"""How long does a call take? Median and quartiles over many, after a few that do not count.

The median is robust against other work on the machine, not immune: compare figures of one run, on
idle machines only.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_NUM_WARMUP = 10  # libraries choose kernels and take memory on the first calls


@dataclass(frozen=True)
class Timing:
    """How long a call took, milliseconds.

    Attributes:
        median_ms: half of the calls were faster.
        low_ms: lower quartile.
        high_ms: upper quartile.
        num_calls: calls that were timed.
    """

    median_ms: float
    low_ms: float
    high_ms: float
    num_calls: int


def time_calls(
    call: Callable[[], object], *, min_calls: int = 30, min_seconds: float = 0.2
) -> Timing:
    """Return how long `call` takes.

    Args:
        call: returns when its work is done.
        min_calls: timed calls, at least.
        min_seconds: timed calls go on at least for so long.
    """
    for _ in range(_NUM_WARMUP):
        call()
    times: list[float] = []
    while len(times) < min_calls or sum(times) < min_seconds:
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    low, median, high = 1000.0 * np.quantile(times, (0.25, 0.5, 0.75))
    return Timing(float(median), float(low), float(high), len(times))
