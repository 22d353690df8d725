"""How far has a training come? By its steps, or by its time, whichever is further.

A training that is to end in some time follows its schedule by the clock where the machine is too
slow for all of its steps: its learning rate still falls to zero, only in fewer steps.
"""

from nas.running_clock import running_s


class Course:
    """The way of one training from its first step to its last.

    Args:
        num_steps: of the whole training.
        within_s: seconds in which it is to end, from now on; None where steps alone count.
        least_steps: that it takes, however long they take.
    """

    def __init__(
        self, num_steps: int, *, within_s: float | None = None, least_steps: int = 0
    ) -> None:
        self._num_steps = num_steps
        self._within_s = within_s
        self._least_steps = min(least_steps, num_steps)
        self._begun_s = running_s()
        self._begun_at = 0.0

    def go_on_from(self, place: float) -> None:
        """Begin at a place that an earlier process had come to; its time begins again."""
        self._begun_at, self._begun_s = place, running_s()

    def place(self, step: int) -> float:
        """Return where the schedule stands, in steps: at least those that were taken.

        Args:
            step: steps that were taken.
        """
        if self._within_s is None:
            return float(step)
        share = (running_s() - self._begun_s) / max(1e-9, self._within_s)
        by_time = self._begun_at + share * (self._num_steps - self._begun_at)
        if self._least_steps:  # the clock may hurry no more than leaves so many steps
            by_time = min(by_time, step * self._num_steps / self._least_steps)
        return max(float(step), by_time)
