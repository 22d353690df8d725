"""How many trials run at once here?"""

import os

from nas.assemble.search import gpus_per_trial
from nas.config.schema import Execution, ExecutionKind
from nas.record.environment import num_visible_gpus


def num_cpus() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def num_workers(execution: Execution, *, num_cpus: int) -> int:
    """Return how many trials run at once: as asked, and on this machine as many as fit."""
    if execution.kind is not ExecutionKind.RAY:
        return execution.num_workers or 1
    if execution.address is not None and execution.num_workers is not None:
        return execution.num_workers
    from nas.execution.ray_cluster import fitting_on

    have, needs = {"CPU": float(num_cpus)}, {"CPU": execution.cpus_per_trial}
    gpus = gpus_per_trial(execution)
    if gpus > 0:
        have["GPU"], needs["GPU"] = float(num_visible_gpus()), gpus
    fits = fitting_on(have, needs)
    return max(1, min(fits, execution.num_workers or fits))
