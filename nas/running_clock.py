"""How long has this process run? Time for which it was stopped (SIGSTOP, Ctrl-Z) does not count.

Time limits of trials are kept by this clock: a search that was stopped over night and goes on in
the morning must not lose the trials that were running. The system tells no process that it was
stopped, so a thread looks at the time twice a second: a far longer gap between two looks was a
stop. Code that holds Python's lock for longer than `GAP_S` looks the same; its trial gets that
much more time.
"""

import os
import threading
import time

LOOK_EVERY_S = 0.5
GAP_S = 5.0  # between two looks; less happens on a machine that is merely busy


class _Clock:
    def __init__(self) -> None:
        self.pid = os.getpid()
        self._lock = threading.Lock()
        self._seen_s = time.monotonic()
        self._stopped_s = 0.0
        threading.Thread(target=self._follow, name="running-clock", daemon=True).start()

    def look(self) -> float:
        with self._lock:
            now_s = time.monotonic()
            gap_s = now_s - self._seen_s
            if gap_s > GAP_S:
                self._stopped_s += gap_s - LOOK_EVERY_S
            self._seen_s = now_s
            return now_s - self._stopped_s

    def _follow(self) -> None:
        while True:
            time.sleep(LOOK_EVERY_S)
            self.look()


_clock: _Clock | None = None


def running_s() -> float:
    """Return seconds from some moment on, as `time.monotonic`, but for the time of stops.

    Stops are noticed from the first call on; a forked process starts a clock of its own.
    """
    global _clock
    if _clock is None or _clock.pid != os.getpid():  # threads do not live on in a fork
        _clock = _Clock()
    return _clock.look()
