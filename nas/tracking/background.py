"""A tracker that nobody waits for: a thread of its own talks to it, in order.

A network that is slow or gone must not hold up a search. The first error is told once, and the
tracker is left alone after it.
"""

import math
import queue
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from nas.tracking.tracker import TrackedRun, Tracker

END_S = 120.0  # the longest that the end of a command waits for what is not sent yet
_Task = Callable[[], object]


class Background:
    """Hands everything on to a tracker, in a thread.

    Args:
        tracker: takes it down.
        say: told once what went wrong, in one line.
    """

    def __init__(self, tracker: Tracker, say: Callable[[str], None]) -> None:
        self._tracker, self._say = tracker, say
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)
        self._thread.start()

    def start(self, run: TrackedRun, keep: Callable[[str], None]) -> None:
        """Begin; `keep` is told the id."""
        self._tasks.put(lambda: keep(self._tracker.start(run)))

    def numbers(self, values: Mapping[str, float], *, step: int) -> None:
        """Hand on the numbers of a step, but for those that are none (NaN) or infinite."""
        told = {name: float(value) for name, value in values.items() if math.isfinite(value)}
        self._tasks.put(lambda: self._tracker.numbers(told, step=step))

    def file(self, path: Path, name: str) -> None:
        """Hand on a file, which must not change until `close`."""
        self._tasks.put(lambda: self._tracker.file(path, name))

    def close(self, *, is_failed: bool) -> None:
        """End, and wait until everything is handed on, for two minutes at most."""
        self._tasks.put(lambda: self._tracker.close(is_failed=is_failed))
        self._tasks.put(None)
        self._thread.join(END_S)
        if self._error is not None:
            error = self._error
            reason = " ".join(str(error).split())[:200]
            self._say(
                f"warning: the tracker lacks a part of this run: {type(error).__name__}: {reason}"
            )
        elif self._thread.is_alive():
            self._say(f"warning: the tracker has not taken everything after {END_S:.0f} s")

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            if self._error is not None:
                continue
            try:
                task()
            except Exception as error:  # noqa: BLE001 - whatever it is, the search goes on
                self._error = error
