"""What an exception in a trial means for its record."""

import os
import platform
import traceback

from nas.errors import printable
from nas.train.device import is_out_of_memory
from nas.train.loop import NonfiniteLossError, TimeLimitError
from nas.trial import Failure, FailureKind, TrialResult, TrialSpec, TrialState


def failure_of(error: BaseException) -> Failure:
    """Return why a trial failed, with the whole traceback."""
    if isinstance(error, NonfiniteLossError):
        kind = FailureKind.NONFINITE
    elif isinstance(error, TimeLimitError):
        kind = FailureKind.TIMEOUT
    elif is_out_of_memory(error):
        kind = FailureKind.OUT_OF_MEMORY
    else:
        kind = FailureKind.ERROR
    return Failure(
        kind=kind,
        message=printable(f"{type(error).__name__}: {error}".splitlines()[0]),
        traceback=printable("".join(traceback.format_exception(error))),
    )


def failed_result(spec: TrialSpec, error: BaseException, *, seconds: float) -> TrialResult:
    """Return the result of a trial that raised, after so many seconds."""
    return TrialResult(
        number=spec.number,
        attempt=spec.attempt,
        state=TrialState.FAILED,
        metrics=dict(spec.static_costs),
        seconds=seconds,
        budget=spec.budget,
        failure=failure_of(error),
        worker=worker_name(),
    )


def worker_name() -> str:
    """Return which process this is, for people."""
    return f"{platform.node()}:{os.getpid()}"
