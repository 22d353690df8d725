"""How many trials end in a minute, of late?"""

from collections import deque

from nas.engine.view import Progress

_WINDOW_S = 300.0
_EVERY_S = 1.0  # no more notes than one in this time
_MIN_S = 5.0  # a shorter time says nothing


class TrialRate:
    """Counts the trials that ended in the last minutes of a search."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def hear(self, progress: Progress) -> None:
        """Note how many trials have ended by now."""
        if self._seen and progress.elapsed_s - self._seen[-1][0] < _EVERY_S:
            return
        self._seen.append((progress.elapsed_s, progress.num_done))
        while self._seen[0][0] < progress.elapsed_s - _WINDOW_S:
            self._seen.popleft()

    def words(self, progress: Progress) -> str:
        """Return the rate with its unit, such as `7.3 trials/min`; empty while it is not known."""
        if not self._seen:
            return ""
        since_s, num_before = self._seen[0]
        passed_s = progress.elapsed_s - since_s
        num_ended = progress.num_done - num_before
        return rate_words(num_ended / passed_s) if passed_s >= _MIN_S and num_ended else ""


def rate_words(per_s: float) -> str:
    """Return a rate of trials in the unit that gives at least 1, or else by the hour.

    >>> rate_words(2.0), rate_words(0.5), rate_words(1 / 120)
    ('2.0 trials/s', '30.0 trials/min', '30.0 trials/h')
    """
    for seconds, unit in ((1, "s"), (60, "min")):
        if per_s * seconds >= 1:
            return f"{per_s * seconds:.1f} trials/{unit}"
    return f"{per_s * 3600:.1f} trials/h"
