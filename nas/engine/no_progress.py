"""A stop rule that ends a search whose front no longer grows; off unless it is asked for.

The front is measured by its hypervolume, on the scales of `nas.pareto.yardstick`: the share of
today's volume that the front had not dominated before the last trials is their gain.
"""

import numpy as np

from nas.engine.stop_rule import SearchState
from nas.errors import ConfigError
from nas.objective import losses
from nas.pareto.dominance import Front
from nas.pareto.yardstick import yardstick_from
from nas.trial import TrialRecord, TrialState

_ROUNDING = 1e-9  # a gain below this is none


class NoProgress:
    """Ends a search when its last trials have added too little to the front.

    Args:
        num_trials: how many trials are looked back; failed ones count, since they add nothing.
        min_gain: the share of the hypervolume that they must have added, in [0, 1); at 0 any gain
            is enough.

    Raises:
        ConfigError: a value is out of its range.
    """

    def __init__(self, num_trials: int = 50, min_gain: float = 0.001) -> None:
        if num_trials < 1:
            raise ConfigError(
                f"NoProgress: num_trials must be at least 1, but got {num_trials}; 50 is a good "
                "number"
            )
        if not 0 <= min_gain < 1:
            raise ConfigError(
                f"NoProgress: min_gain is a share, at least 0 and below 1, but got {min_gain:g}; "
                "0.001 is a good value"
            )
        self._num_trials = num_trials
        self._min_gain = min_gain
        self._before = Front()  # of the trials before those that are looked back at
        self._num_read = 0  # records that `_before` has seen
        self._num_before = 0  # trainings among them
        self._num_seen = -1  # records that had ended when `_answer` was found
        self._answer: str | None = None

    def why_end(self, state: SearchState) -> str | None:
        """Return what the last trials gained, if it is too little."""
        if len(state.ended) < self._num_read:  # it is asked about another search
            self._forget()
        if len(state.ended) != self._num_seen:
            self._num_seen = len(state.ended)
            self._answer = self._look(state)
        return self._answer

    def remaining_s(self, state: SearchState) -> float | None:
        """Return None: nobody knows when the front will stand still."""
        del state
        return None

    def _forget(self) -> None:
        self._before = Front()
        self._num_read = self._num_before = 0
        self._num_seen, self._answer = -1, None

    def _look(self, state: SearchState) -> str | None:
        if state.num_done < self._num_trials:
            return None
        self._read(state)
        gain = self._gain(state)
        if gain > 0 and gain >= self._min_gain:
            return None
        return (
            f"the last {self._num_trials} trials added {100 * gain:.2g} % to the front's "
            f"hypervolume, and NoProgress wants {self._wanted()}"
        )

    def _wanted(self) -> str:
        return f"{100 * self._min_gain:g} %" if self._min_gain else "any gain"

    def _gain(self, state: SearchState) -> float:
        """Return the share of the front's volume that was not dominated before."""
        shape = (-1, len(state.objectives))
        now = np.asarray(state.front, dtype=np.float64).reshape(shape)
        before = np.asarray([point for _, point in self._before.members()]).reshape(shape)
        yardstick = yardstick_from([np.concatenate([now, before])], state.objectives)
        if yardstick is None:  # no trial has succeeded
            return 0.0
        gain = 1.0 - yardstick.share(yardstick.on_scale(before))
        return gain if gain > _ROUNDING else 0.0

    def _read(self, state: SearchState) -> None:
        """Take in the trials that are no longer looked back at, each with its variants."""
        wanted = state.num_done - self._num_trials
        for record in state.ended[self._num_read :]:
            is_training = record.parent is None
            if is_training and self._num_before == wanted:
                return
            self._num_before += is_training
            self._num_read += 1
            self._add(record, state)

    def _add(self, record: TrialRecord, state: SearchState) -> None:
        found = losses(state.objectives, record.metrics)
        if record.state is TrialState.COMPLETE and found is not None:
            self._before.add(str(record.number), found)
