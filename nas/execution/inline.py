"""Trials one after the other in this process: for debugging, tables and tests."""

from collections import deque
from collections.abc import Sequence

from nas.evaluation.evaluator import Evaluator
from nas.trial import TrialResult, TrialSpec


class InlineBackend:
    """A backend with one slot: a trial is evaluated while the search waits for it."""

    num_slots = 1

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
        return [self._evaluator.evaluate(self._waiting.popleft())] if self._waiting else []

    def close(self) -> None:
        """Forget what was submitted."""
        self._waiting.clear()
