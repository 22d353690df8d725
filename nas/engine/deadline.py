"""A search that must end in time, running trials included: a budget's stop rule.

A time limit (`nas.engine.stopping.TimeLimit`) says when the last trial may start. This rule asks
how long one takes, starts none that would have far too little time, and tells each trial in which
time it is to end: the last ones are shorter rather than thrown away, and so are all on a machine
that turned out slower than it was. A trial that trained shorter says so.
"""

import time
from collections.abc import Callable
from statistics import median

from nas.engine.stop_rule import SearchState, StopRule
from nas.trial import TrialState, trainings

# Times the search's time, after which trials that still run are not waited for.
_LATEST = 1.07
# Shares of the time of a usual trial, and of the longest one, that must be left for one more.
_LEAST_OF_USUAL, _LEAST_OF_LONGEST = 0.6, 0.4
# Of what was planned for a trial, the least that the first ones get: a search needs a front.
_LEAST_FIRST = 0.5


class Deadline(StopRule):
    """Starts no trial that would end too late.

    Args:
        until_s: when running trials should have ended, by `clock`.
        seconds: wall time that the search has in all.
        trial_s: what a trial is expected to take, until some have ended.
        begins_s: when the first trial was expected to begin, by `clock`; None: at any time.
        passed_on: share of a delay of that beginning that what follows the search can make up for.
        clock: tells the time in seconds.
    """

    def __init__(
        self,
        until_s: float,
        *,
        seconds: float,
        trial_s: float = 0.0,
        begins_s: float | None = None,
        passed_on: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._until_s = until_s
        self._seconds = seconds
        self._trial_s = trial_s
        self._begins_s = begins_s
        self._passed_on = passed_on
        self._clock = clock

    def why_end(self, state: SearchState) -> str | None:
        """Return the budget, once too little of it is left for one more trial.

        Until a trial has ended there is nothing to end with: the first may wait at a rung.
        """
        left_s = self._left_s()
        if not state.ended or left_s > self._needed_s(state):
            return None
        return f"the budget leaves {max(0.0, left_s):.0f} s for trials, too little for another"

    def cuts(self, state: SearchState) -> bool:
        """Say whether it is too late to wait for running trials; not while there is no front."""
        return bool(state.front) and self._left_s() < (1.0 - _LATEST) * self._seconds

    def within_s(self, state: SearchState) -> float | None:
        """Return the seconds in which a trial that starts now is to end."""
        if self._begins_s is not None:  # workers are there
            self._until_s += self._passed_on * (self._clock() - self._begins_s)
            self._begins_s = None
        least_s = 0.0 if state.front else _LEAST_FIRST * self._trial_s
        return max(1.0, least_s, self._left_s())

    def remaining_s(self, state: SearchState) -> float | None:
        """Return the time that is left."""
        del state
        return max(0.0, self._left_s())

    def _left_s(self) -> float:
        return self._until_s - self._clock()

    def _needed_s(self, state: SearchState) -> float:
        ended = trainings(state.ended)[state.num_resumed :]
        seconds = [r.seconds for r in ended if r.state is not TrialState.FAILED]
        usual_s = median(seconds) if len(seconds) >= 3 else self._trial_s
        return max(_LEAST_OF_USUAL * usual_s, _LEAST_OF_LONGEST * max(seconds, default=0.0))
