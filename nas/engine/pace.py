"""How far ahead to propose, and when to say that the sampler keeps the workers waiting.

A proposal made ahead knows less: each one is made without the results that come meanwhile. So
none is made ahead where asking costs next to nothing beside the time between two free slots, and
only as many as slots come free while one ask runs, where it costs more.
"""

import time
from collections import deque

# Below this share of the time between two ends of trials an ask may as well wait its turn.
NEGLIGIBLE_SHARE = 0.02
# The warning: this share of the workers' time lost to asks, over at least this long.
WASTED_SHARE = 0.2
WINDOW_S = 20.0
# An ask below this is not the sampler's fault: the loop itself costs as much.
MIN_ASK_S = 0.02


class SamplerPace:
    """Weighs the time that asks take against the rate at which trials end."""

    def __init__(self) -> None:
        self._ask_s = 0.0
        self._busy_s = 0.0
        self._ends: deque[float] = deque(maxlen=64)
        self._waits: deque[tuple[float, float]] = deque()
        self._wasted_s = 0.0
        self._started_s = time.monotonic()
        self._has_warned = False

    @property
    def ask_s(self) -> float:
        """Seconds that an ask takes, recent ones counting most."""
        return self._ask_s

    def asked(self, seconds: float, *, busy_s: float, idle_share: float) -> None:
        """Note an ask.

        Args:
            seconds: how long it took.
            busy_s: how long it kept a processor: on a machine that is short of them every ask
                takes long, and the sampler is not to blame.
            idle_share: share of the slots that were free meanwhile.
        """
        self._ask_s = seconds if self._ask_s == 0.0 else 0.8 * self._ask_s + 0.2 * seconds
        self._busy_s = busy_s if self._busy_s == 0.0 else 0.8 * self._busy_s + 0.2 * busy_s
        self._waits.append((time.monotonic(), busy_s * idle_share))
        self._wasted_s += busy_s * idle_share

    def ended(self, num_trials: int) -> None:
        """Note that so many trials ended now."""
        self._ends.extend([time.monotonic()] * num_trials)

    def num_ahead(self, num_slots: int) -> int:
        """Return how many proposals should lie ready."""
        load = self._ask_s * self._ends_per_s()
        if load < NEGLIGIBLE_SHARE:
            return 0
        return min(num_slots, 1 + int(2 * load))

    def wasted_share(self) -> float:
        """Return the share of the workers' time that waiting for asks took of late, 0 to 1.

        It is 0 in the first seconds, and where asks are as quick as the loop itself.
        """
        now = time.monotonic()
        while self._waits and self._waits[0][0] < now - WINDOW_S:
            self._wasted_s -= self._waits.popleft()[1]
        is_early = now - self._started_s < WINDOW_S
        return 0.0 if is_early or self._busy_s < MIN_ASK_S else self._wasted_s / WINDOW_S

    def warning(self, *, num_trials: int, num_slots: int) -> str | None:
        """Return one line if the sampler has just proved to be the bottleneck, once a search."""
        share = self.wasted_share()
        if self._has_warned or share < WASTED_SHARE:
            return None
        self._has_warned = True
        return (
            f"the sampler is the bottleneck: at {num_trials} trials an ask takes "
            f"{self._busy_s:.2g} s, and {share:.0%} of the time of {num_slots} workers is lost "
            "waiting for it; sampler=nsga2 asks in milliseconds at any number of trials, and "
            "longer trials or fewer workers hide it"
        )

    def _ends_per_s(self) -> float:
        if len(self._ends) < 2:
            return 0.0
        return (len(self._ends) - 1) / max(1e-9, time.monotonic() - self._ends[0])
