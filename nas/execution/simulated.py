"""Workers on a simulated clock: what a search would do with many machines, in no time.

Trials are evaluated at once, in this process, and come back in the order in which they would have
finished had each taken the seconds that its result names. Nothing waits, nothing is random: equal
orders give equal results. For tables (`nas.evaluation.tabular`) and for tests of parallel search.
"""

import heapq
import itertools
from collections.abc import Sequence

from nas.errors import ExecutionError
from nas.evaluation.evaluator import Evaluator
from nas.trial import TrialResult, TrialSpec


class SimulatedBackend:
    """Runs trials side by side on a clock of its own.

    Args:
        evaluator: judges the architectures; its results say how long they took.
        num_workers: how many trials run at once.

    Raises:
        ExecutionError: `num_workers` is below 1.
    """

    is_concurrent = False

    def __init__(self, evaluator: Evaluator, *, num_workers: int = 1) -> None:
        if num_workers < 1:
            raise ExecutionError(
                f"the number of workers must be at least 1, but got {num_workers}"
            )
        self._evaluator = evaluator
        self._num_workers = num_workers
        self._now_s = 0.0
        self._order = itertools.count()
        self._running: list[tuple[float, int, TrialResult]] = []
        evaluator.prepare()

    @property
    def now_s(self) -> float:
        """Simulated seconds since the start."""
        return self._now_s

    @property
    def num_slots(self) -> int:
        """How many trials can run at once."""
        return self._num_workers

    @property
    def num_free(self) -> int:
        """How many of the slots are free now."""
        return self._num_workers - len(self._running)

    def submit(self, spec: TrialSpec) -> None:
        """Start a trial in a free slot, at the present time of the clock."""
        assert self.num_free > 0, "a trial was submitted while all simulated workers are busy"
        result = self._evaluator.evaluate(spec)
        finish_s = self._now_s + max(0.0, result.seconds - spec.spent_s)
        heapq.heappush(self._running, (finish_s, next(self._order), result))

    def next_finished(self, *, timeout_s: float) -> Sequence[TrialResult]:  # noqa: ARG002
        """Set the clock to the next end of a trial; return all that end then, as submitted.

        `timeout_s` is of the real clock, on which nothing here takes time: the answer is empty
        only when no trial runs.
        """
        if not self._running:
            return ()
        self._now_s = self._running[0][0]
        finished = []
        while self._running and self._running[0][0] <= self._now_s:
            finished.append(heapq.heappop(self._running)[2])
        return tuple(finished)

    def close(self) -> None:
        """Forget the trials that still run."""
        self._running.clear()
