"""Ctrl-C, SIGTERM and SIGHUP: the first asks to end, the second ends the process at once.

A terminal that closes and a service manager that stops a program may send SIGHUP right after
another signal; that is no second wish. Under `nohup`, which has SIGHUP ignored, it stays ignored.
"""

import errno
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from nas.exit_status import ExitStatus

# A SIGHUP that comes so soon after a signal belongs to it.
ECHO_S = 0.5
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class InterruptWatch:
    """Notes signals while it is open; `requested` says whether one came.

    Made after `ray.init`, which installs handlers of its own. Outside the main thread it is deaf.
    """

    def __init__(self) -> None:
        self.requested = False
        self._came_s = 0.0
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "InterruptWatch":
        if _is_main_thread():
            self._previous = {number: signal.getsignal(number) for number in _heard()}
            for number in self._previous:
                signal.signal(number, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        _set(self._previous)

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        leave_lost_terminal()
        now_s = time.monotonic()
        is_echo = number == signal.SIGHUP and now_s - self._came_s < ECHO_S
        if self.requested and not is_echo:
            os._exit(ExitStatus.INTERRUPTED)
        self.requested, self._came_s = True, now_s


@contextmanager
def as_ctrl_c() -> Iterator[None]:
    """Have SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does, while the block runs.

    What the block undoes then is not interrupted a second time: a further signal ends the process
    at once, as a kill does.
    """
    if not _is_main_thread():
        yield
        return
    came_s: list[float] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        del frame
        leave_lost_terminal()
        now_s = time.monotonic()
        if not came_s:
            came_s.append(now_s)
            raise KeyboardInterrupt
        if number != signal.SIGHUP or now_s - came_s[-1] >= ECHO_S:
            os._exit(ExitStatus.INTERRUPTED)

    heard = [number for number in _heard() if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, interrupt) for number in heard}
    try:
        yield
    finally:
        _set(previous)


@contextmanager
def own_handlers() -> Iterator[None]:
    """Put back, at the end of the block, the handlers of the signals that end a command."""
    if not _is_main_thread():
        yield
        return
    previous: dict[int, Any] = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        _set(previous)


def leave_lost_terminal() -> None:
    """Where the terminal is gone, write to nowhere: each further line would be an error."""
    for descriptor in (1, 2):
        try:
            os.ttyname(descriptor)
            is_lost = False
        except OSError as error:
            is_lost = error.errno == errno.EIO  # a pipe or a file says ENOTTY
        if is_lost:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)


def _heard() -> list[int]:
    """Return the signals to be heard: SIGHUP only where it is not ignored."""
    return [
        number
        for number in _SIGNALS
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN
    ]


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _set(handlers: dict[int, Any]) -> None:
    for number, handler in handlers.items():
        if handler is not None:  # None: it was not set by Python
            signal.signal(number, handler)
