"""Ctrl-C, SIGTERM and SIGHUP: the first asks to end, the second ends the process at once.

What the first one does is said at once, by a thread of its own: the main thread may be inside of a
library, and Python tells it of two signals that come meanwhile as of one. A terminal that closes
and a service manager that stops a program may send SIGHUP right after another signal, and
`timeout` sends its signal twice; these are no second wish. Under `nohup`, which has SIGHUP
ignored, it stays ignored.
"""

import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import Any, NoReturn

from nas.exit_status import ExitStatus

# A SIGHUP that comes so soon after a signal belongs to it, and so does any other signal.
ECHO_S, TWICE_S = 0.5, 0.1
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_END = 0  # no signal has this number
_SHOW_CURSOR = b"\x1b[?25h"


class Interrupted(KeyboardInterrupt):
    """A signal ended a command; what is kept, and how to go on, is its text."""


@dataclass(frozen=True)
class StopWords:
    """What is said when a signal comes.

    Attributes:
        waits_for: at the first one, what is still done.
        goes_on: at the second one, how to go on.
    """

    waits_for: str = "ending what was begun"
    goes_on: str = ""

    def first(self) -> str:
        """Return what is said at the first signal."""
        return f"nas: stopping: {self.waits_for}; a second Ctrl-C ends at once"

    def second(self) -> str:
        """Return what is said at the second signal."""
        told = f". Go on with:\n  {self.goes_on}" if self.goes_on else ""
        return f"nas: ended at once{told}"


@dataclass
class _Wishes:
    """The signals of one command, as one thread hears of them.

    Attributes:
        came_s: when the last one came; None before the first.
    """

    came_s: float | None = None

    def is_second(self, number: int) -> bool:
        """Note a signal, and say whether it is to end the process at once."""
        before_s, self.came_s = self.came_s, time.monotonic()
        if before_s is None:
            return False
        return self.came_s - before_s >= (ECHO_S if number == signal.SIGHUP else TWICE_S)


@dataclass
class _Listener:
    """What is known of the signals of one command.

    Attributes:
        words: what is said now.
        handled: what the handlers were told of. They count for themselves: while a library runs
            they hear of two signals as of one, but the thread hears of none where a library has
            taken the wakeup descriptor.
        ending: held by the thread that ends the process, so that it is said once.
    """

    words: StopWords = field(default_factory=StopWords)
    handled: _Wishes = field(default_factory=_Wishes)
    ending: Any = field(default_factory=threading.RLock)

    def end_at_once(self) -> NoReturn:
        """End the process; what a terminal shows is left in order."""
        self.ending.acquire()
        with suppress(OSError):
            if os.isatty(1):
                os.write(1, _SHOW_CURSOR)  # a live view hides it
            os.write(2, f"{self.words.second()}\n".encode())
        os._exit(ExitStatus.INTERRUPTED)


_listener: _Listener | None = None  # of the command that runs; signals belong to the process


@contextmanager
def _listening() -> Iterator[_Listener]:
    """Hear each signal of the block as it comes; a block within another shares its listener."""
    global _listener
    if _listener is not None:
        yield _listener
        return
    listener = _listener = _Listener()
    heard, sent = os.pipe()
    os.set_blocking(sent, False)
    teller = threading.Thread(target=_hear, args=(heard, listener), daemon=True)
    teller.start()
    before = signal.set_wakeup_fd(sent, warn_on_full_buffer=False)
    try:
        yield listener
    finally:
        _listener = None
        signal.set_wakeup_fd(before, warn_on_full_buffer=False)
        with suppress(OSError):
            os.write(sent, bytes([_END]))
        teller.join(ECHO_S)
        os.close(sent)


def _hear(heard: int, listener: _Listener) -> None:
    """Read the numbers of signals until there are no more.

    Says what the first one does, and ends the process at the second.
    """
    wishes = _Wishes()
    try:
        while numbers := os.read(heard, 64):
            for number in (number for number in numbers if number in _SIGNALS):
                is_first = wishes.came_s is None
                leave_lost_terminal()
                if wishes.is_second(number):
                    listener.end_at_once()
                if is_first:
                    _say(listener.words.first())
            if _END in numbers:
                return
    finally:
        os.close(heard)


def _say(line: str) -> None:
    with suppress(OSError, ValueError, AttributeError):  # closed, full or absent
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def say_when_stopped(words: StopWords) -> None:
    """Say this from now on where a signal comes; nothing where no command listens."""
    if _listener is not None:
        _listener.words = words


def waits_for_trainings(*, is_concurrent: bool) -> str:
    """Return what is still done after a signal while networks are trained.

    Args:
        is_concurrent: they are trained by other processes.
    """
    if is_concurrent:
        return "what has ended is written down, and what still trains is not waited for"
    return "the training that runs is waited for, and then all is written down"


class InterruptWatch:
    """Notes signals while it is open; `requested` says whether one came, in its command so far.

    Made after `ray.init`, which installs handlers of its own. Outside the main thread it is deaf.

    Args:
        waits_for: what is still done after a signal; as the command says by default.
    """

    def __init__(self, waits_for: str | None = None) -> None:
        self.requested = False
        self._waits_for = waits_for
        self._open = ExitStack()
        self._listener = _Listener()

    def __enter__(self) -> "InterruptWatch":
        if _is_main_thread():
            self._listener = self._open.enter_context(_listening())
            # Python drops an exception that a handler raises within a callback, as of an import.
            self.requested = self._listener.handled.came_s is not None
            words = self._listener.words
            if self._waits_for is not None:
                self._listener.words = replace(words, waits_for=self._waits_for)
            self._open.callback(say_when_stopped, words)
            previous = {number: signal.getsignal(number) for number in _heard()}
            self._open.callback(_set, previous)
            for number in previous:
                signal.signal(number, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        self._open.close()

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        leave_lost_terminal()
        if self._listener.handled.is_second(number):
            self._listener.end_at_once()
        self.requested = True


@contextmanager
def as_ctrl_c() -> Iterator[None]:
    """Have SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does, while the block runs.

    What the block undoes then is not interrupted a second time: a further signal ends the process
    at once, as a kill does.
    """
    if not _is_main_thread():
        yield
        return
    with _listening() as listener:

        def interrupt(number: int, frame: FrameType | None) -> None:
            del frame
            leave_lost_terminal()
            is_first = listener.handled.came_s is None
            if listener.handled.is_second(number):
                listener.end_at_once()
            if is_first:
                raise KeyboardInterrupt

        heard = [number for number in _heard() if signal.getsignal(number) is not signal.SIG_IGN]
        previous = {number: signal.signal(number, interrupt) for number in heard}
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
