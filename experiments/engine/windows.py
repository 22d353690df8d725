"""Moments at which a command is killed or gets signals."""

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Window:
    """The file operations at which a command dies; Python announces each before it is done.

    Attributes:
        events: names of audit events.
        parts: one of them is in the path.
        most: the operation is drawn from the first so many.
        is_after: die at the next event of any kind, when the operation is done.
    """

    events: tuple[str, ...]
    parts: tuple[str, ...]
    most: int
    is_after: bool = False


WRITES = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link")
SETTINGS = (".lease", "config.yaml", "overrides.yaml", "environment.json", "log.txt", "spent.json")
PAGES = (".csv", ".png", ".html")
REPAIR = "killed while it repairs"
WINDOWS: dict[str, Window] = {
    "killed between the lease and the files": Window(WRITES, SETTINGS, 16),
    "killed while it saves weights": Window(("open", "os.rename"), ("/models/",), 24),
    "killed while it writes the record": Window(("open",), ("study.journal",), 12),
    "killed while it removes weights": Window(("os.remove", "os.rmdir"), ("/models/",), 9),
    "killed right after it removed weights": Window(("os.rmdir",), ("/models/",), 4, True),
    "killed while it publishes": Window(("open", "os.rename"), PAGES, 8),
    REPAIR: Window(WRITES, (".lease", "study.journal"), 12),
    "killed anywhere": Window(WRITES, ("",), 150),
}
RUNG_WINDOWS: dict[str, Window] = {
    "killed while it saves a checkpoint": Window(("open", "os.rename"), ("/checkpoints/",), 30),
    "killed while it removes a checkpoint": Window(
        ("os.remove", "os.rmdir"), ("/checkpoints/",), 12
    ),
    "killed right after it removed a checkpoint": Window(
        ("os.rmdir",), ("/checkpoints/",), 6, True
    ),
}
TOKEN_WINDOWS: dict[str, Window] = {
    "killed while it writes tokens": Window(("open", "os.rename", "os.mkdir"), ("/tokens",), 8),
}
# Kind -> what is sent, one right after the other.
SIGNALS = {
    "SIGKILL": (signal.SIGKILL,),
    "SIGINT": (signal.SIGINT,),
    "SIGTERM": (signal.SIGTERM,),
    "SIGHUP": (signal.SIGHUP,),
    "SIGTERM and SIGHUP, as a session ends": (signal.SIGTERM, signal.SIGHUP),
    "SIGTERM twice": (signal.SIGTERM, signal.SIGTERM),
    "SIGSTOP and SIGCONT": (signal.SIGSTOP,),
}


def die_in(window: Window, *, count: int, run: Path) -> None:
    """Kill this process at the so-many-th operation of a window in a run folder."""
    left = count
    is_over = False

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left, is_over
        if is_over:  # the kill itself is an event
            return
        if left > 0 and event in window.events:
            text = " ".join(str(a) for a in arguments if isinstance(a, str | Path))
            left -= str(run) in text and any(part in text for part in window.parts)
            if window.is_after:
                return
        if left == 0:
            is_over = True
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hear)


def told(name: str, status: int, run: Path, output: Path) -> str:
    """Return what a command that failed left and said."""
    files = sorted(p.name for p in run.iterdir()) if run.is_dir() else "no folder"
    return f"{name}: status {status}; {files}\n{output.read_text(errors='replace')[-6000:]}"
