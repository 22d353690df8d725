"""Ctrl-C and SIGTERM: the first asks the search to end, the second ends the process at once."""

import os
import signal
import threading
from types import FrameType
from typing import Any

# The shell's convention for a program that Ctrl-C ended.
INTERRUPTED_STATUS = 130


class InterruptWatch:
    """Notes signals while it is open; `requested` says whether one came.

    Made after `ray.init`, which installs handlers of its own. Outside the main thread it is deaf.
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "InterruptWatch":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self.requested:
            os._exit(INTERRUPTED_STATUS)
        self.requested = True
