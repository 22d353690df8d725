"""What an exception in a trial means for its record."""

import traceback

from nas.errors import printable
from nas.train.device import is_out_of_memory
from nas.train.loop import NonfiniteLossError, TimeLimitError
from nas.trial import Failure, FailureKind


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
