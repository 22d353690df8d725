"""How many threads a process computes with, decided before torch is imported.

Torch takes as many threads as there are cores, so N workers would start N x cores of them; and
libgomp's threads spin at barriers, which all but stops processes that share cores (measured in
experiments/training_speed). This module imports no torch.
"""

import os


def worker_environment(num_threads: int = 1) -> dict[str, str]:
    """Return environment variables that a process must have before it imports torch.

    Args:
        num_threads: CPU threads that the process may compute with, at least 1.
    """
    count = str(max(1, num_threads))
    return {
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def set_worker_environment(num_threads: int = 1) -> None:
    """Put `worker_environment` into this process; what the user has set already stays."""
    for name, value in worker_environment(num_threads).items():
        os.environ.setdefault(name, value)
