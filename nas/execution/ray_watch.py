"""End what is left of a local Ray when its driver is gone, however it went.

Runs as a process of its own, as a script (`python -I -S ray_watch.py PID MARK FOLDER`), so it
imports the standard library alone. It waits until its standard input holds a word or ends, or its
parent is another process than PID: a driver killed by SIGKILL says no goodbye. The kernel ends
what the driver started itself, but Ray's agents and what trials started live on.

What belongs to this Ray carries MARK, a variable with a random value, in the environment that it
was started with, or has a file in FOLDER open for writing: FOLDER is private and its name random,
and Ray's agents write their title over a part of their environment. A driver that lives on after
Ray, and what it forked, hold Ray's logs too and are spared.

A process is looked at and ended through one handle (pidfd), so a process that took the number of
one that ended is never hit. Without /proc (macOS) Ray's own reaper has that task, and only the
folder is removed.
"""

import contextlib
import os
import select
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

LOOK_EVERY_S = 1.0
# A process that starts just now shows its environment a moment later.
SWEEP_EVERY_S = 0.2
SWEEP_S = 8.0
NUM_CLEAN_SWEEPS = 3


def await_end_of(driver: int) -> None:
    """Return when standard input has a word or has ended, or the driver is gone.

    A process forked by the driver keeps the other end of the pipe open, so that an end alone
    would not do.
    """
    while os.getppid() == driver:
        if select.select([0], [], [], LOOK_EVERY_S)[0]:
            return


@dataclass(frozen=True)
class Signs:
    """By what a process of this Ray is known.

    Attributes:
        driver: the process that started Ray.
        mark: NAME=value in the environment.
        folder: where Ray writes.
    """

    driver: int
    mark: bytes
    folder: str


def end_all(signs: Signs) -> int:
    """Send SIGKILL to all processes of this Ray; return how many there were."""
    return sum(_end_if_ours(int(pid), signs) for pid in _names("/proc"))


def sweep(signs: Signs) -> None:
    """End the processes of this Ray until several looks in a row find none."""
    num_clean, end_s = 0, time.monotonic() + SWEEP_S
    while num_clean < NUM_CLEAN_SWEEPS and time.monotonic() < end_s:
        num_clean = 0 if end_all(signs) else num_clean + 1
        time.sleep(SWEEP_EVERY_S)


def _names(place: str) -> list[str]:
    """Return the numbers that name what is in a folder of /proc."""
    return [name for name in os.listdir(place) if name.isdigit()]  # noqa: PTH208


def _end_if_ours(pid: int, signs: Signs) -> bool:
    try:
        handle = os.pidfd_open(pid)
    except OSError:  # it ended
        return False
    try:
        if not (_carries(pid, signs.mark) or _is_orphaned_writer(pid, signs)):
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except OSError:  # it ended, or is another user's
        return False
    finally:
        os.close(handle)
    return True


def _carries(pid: int, mark: bytes) -> bool:
    return mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")


def _is_orphaned_writer(pid: int, signs: Signs) -> bool:
    return not _descends(pid, signs.driver) and _writes_into(pid, signs.folder)


def _descends(pid: int, driver: int) -> bool:
    """Say whether a process is the living driver or descends from it."""
    if os.getppid() != driver:
        return False
    while pid not in (0, driver):
        pid = int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
    return pid == driver


def _writes_into(pid: int, folder: str) -> bool:
    for number in _names(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):  # it was closed
            if os.readlink(f"/proc/{pid}/fd/{number}").startswith(f"{folder}/"):  # noqa: PTH115
                fields = Path(f"/proc/{pid}/fdinfo/{number}").read_text().split()
                if int(fields[fields.index("flags:") + 1], 8) & os.O_ACCMODE:
                    return True
    return False


def main() -> None:
    """Wait, end, remove."""
    driver, mark, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    await_end_of(driver)
    if hasattr(os, "pidfd_open"):
        sweep(Signs(driver, mark.encode(), folder))
    with contextlib.suppress(OSError):
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
