"""A search that must end in time, running trials included: a budget's stop rule.

A time limit (`nas.engine.stopping.TimeLimit`) says when the last trial may start. This rule asks
how long one takes, and starts none that would end much too late.
"""

from statistics import median

from nas.engine.stop_rule import SearchState, StopRule
from nas.trial import TrialState, trainings

# The largest trial may end so much later, as a share of the time.
_TOLERANCE = 0.06
# Times the search's time, after which trials that still run are not waited for.
_LATEST = 1.07
# Share of a usual trial's time that must be left for one more.
_LEAST_LEFT = 0.6


class Deadline(StopRule):
    """Starts no trial that would end too late.

    Args:
        seconds: wall time of the search; running trials should have ended by then.
        trial_s: what a trial is expected to take, until some have ended.
    """

    def __init__(self, seconds: float, *, trial_s: float = 0.0) -> None:
        self._seconds = seconds
        self._trial_s = trial_s

    def why_end(self, state: SearchState) -> str | None:
        """Return the budget, once too little of it is left for one more trial."""
        left_s = self._seconds - state.elapsed_s
        if left_s > self._needed_s(state) or (left_s > 0 and not state.num_trials):
            return None
        return f"the budget leaves {max(0.0, left_s):.0f} s, too little for another trial"

    def cuts(self, state: SearchState) -> bool:
        """Say whether it is too late to wait for running trials; not while there is no front."""
        return bool(state.front) and state.elapsed_s > _LATEST * self._seconds

    def remaining_s(self, state: SearchState) -> float | None:
        """Return the time that is left."""
        return max(0.0, self._seconds - state.elapsed_s)

    def _needed_s(self, state: SearchState) -> float:
        ended = trainings(state.ended)[state.num_resumed :]
        seconds = [r.seconds for r in ended if r.state is not TrialState.FAILED]
        usual_s = median(seconds) if len(seconds) >= 3 else self._trial_s
        largest_s = max(seconds, default=0.0)
        return max(_LEAST_LEFT * usual_s, largest_s - _TOLERANCE * self._seconds)
