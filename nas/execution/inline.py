"""Trials one after the other in this process: for debugging, tables and tests."""

from collections import deque
from collections.abc import Sequence

from nas.evaluation.evaluator import Evaluator
from nas.execution.guard import evaluate_guarded
from nas.trial import TrialResult, TrialSpec


class InlineBackend:
    """A backend with one slot: a trial is evaluated while the search waits for it.

    Args:
        evaluator: judges the architectures, in this process.
    """

    num_slots = 1
    is_concurrent = False

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._waiting: deque[TrialSpec] = deque()
        evaluator.prepare()

    @property
    def num_free(self) -> int:
        """How many of the slots are free now."""
        return self.num_slots - len(self._waiting)

    def submit(self, spec: TrialSpec) -> None:
        """Keep the trial for `next_finished`."""
        assert self.num_free > 0, "submit needs a free slot"
        self._waiting.append(spec)

    def next_finished(self, *, timeout_s: float) -> Sequence[TrialResult]:
        """Evaluate what was submitted; the time limit is the evaluator's own."""
        del timeout_s
        if not self._waiting:
            return []
        return [evaluate_guarded(self._evaluator, self._waiting.popleft())]

    def close(self) -> None:
        """Forget what was submitted."""
        self._waiting.clear()
