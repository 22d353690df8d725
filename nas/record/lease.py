"""Who may write a run folder? One process at a time; the right dies with its holder."""

import contextlib
import fcntl
import os
import stat
import time
from pathlib import Path
from typing import IO

from nas.errors import RunFolderError

_NUM_TRIES, _BETWEEN_TRIES_S = 3, 0.01
_PATIENCE = 100  # attempts to open a file that others make and remove


class Lease:
    """The sole right to write a run folder; the system takes it back when the process ends.

    Args:
        path: the file that stands for the right; made where it is absent.

    Raises:
        RunFolderError: another living process has it, or the path is taken by something else.
    """

    def __init__(self, path: Path) -> None:
        self._file = _locked(path)
        # A holder that was refused may have taken its file back since this one was opened.
        while not _is_same(self._file, path):
            self._file.close()
            self._file = _locked(path)
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Give the right back; may be called twice."""
        self._file.close()


def is_held(path: Path) -> bool:
    """Say whether a living process has the right that a file stands for; nothing is changed."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no such file, or a disk without locks
        return False
    return False


def _locked(path: Path) -> IO[str]:
    file = _opened(path)
    try:
        _lock(file)
    except BlockingIOError as error:
        file.seek(0)
        holder = file.read().strip()
        file.close()
        raise RunFolderError(
            f"another search writes {path.parent} (process {holder or 'unknown'}); "
            "wait for it or end it, then resume"
        ) from error
    except OSError as error:  # NFS without its lock service, Lustre without its option
        file.close()
        raise RunFolderError(
            f"the disk of {path.parent} gives no locks ({error.strerror}), so two searches could "
            "write there at once; choose another run_folder=..., or mount the disk with locks "
            "(docs/install.md, shared file systems)"
        ) from error
    return file


def _lock(file: IO[str]) -> None:
    """Lock, and try again for a moment: whoever asks whether it is held holds it meanwhile."""
    for _ in range(_NUM_TRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_BETWEEN_TRIES_S)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _opened(path: Path) -> IO[str]:
    for _ in range(_PATIENCE):
        # The folder may be taken back at any moment by a command that is refused.
        with contextlib.suppress(FileNotFoundError, FileExistsError):
            path.parent.mkdir(parents=True, exist_ok=True)
            if not stat.S_ISREG(path.lstat().st_mode) and not path.is_file():
                raise RunFolderError(
                    f"{path} is no file, so nobody can tell whether the run is being written; "
                    "move it away, or let nas repair do so"
                )
        with contextlib.suppress(FileNotFoundError):
            return path.open("a+", errors="replace")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("a+", errors="replace")


def _is_same(file: IO[str], path: Path) -> bool:
    """Say whether a path still leads to an open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
