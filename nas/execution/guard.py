"""One evaluation that cannot take its process down by an exception."""

import time
import traceback
from pathlib import Path

from nas.evaluation.evaluator import Evaluator
from nas.files import remove_folder
from nas.trial import Failure, FailureKind, TrialResult, TrialSpec, TrialState


def evaluate_guarded(evaluator: Evaluator, spec: TrialSpec) -> TrialResult:
    """Evaluate; what the evaluator raises all the same is the trial's failure.

    The trial's checkpoint is removed here, on the node that wrote it, once nothing can be gained
    from it any more. That of a trial with rungs on record stays until its end is on record too:
    the driver removes it.
    """
    started_s = time.monotonic()
    try:
        result = evaluator.evaluate(spec)
    except MemoryError as error:
        kind = FailureKind.OUT_OF_MEMORY
        result = failed(spec, kind, _describe(error), traceback=traceback.format_exc())
    except Exception as error:  # noqa: BLE001 - a user's evaluator may raise anything
        result = failed(
            spec,
            FailureKind.ERROR,
            _describe(error),
            traceback=traceback.format_exc(),
            seconds=time.monotonic() - started_s,
        )
    is_over = result.state is not TrialState.STOPPED and not spec.reached
    if spec.checkpoint is not None and is_over:
        remove_folder(Path(spec.checkpoint))
    return result


def failed(
    spec: TrialSpec,
    kind: FailureKind,
    message: str,
    *,
    traceback: str = "",
    seconds: float = 0.0,
) -> TrialResult:
    """Return the result of a trial that failed."""
    return TrialResult(
        number=spec.number,
        attempt=spec.attempt,
        state=TrialState.FAILED,
        seconds=seconds,
        budget=spec.budget,
        failure=Failure(kind, message, traceback),
    )


def _describe(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
