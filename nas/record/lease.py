"""Who may write a run folder? One process at a time; the right dies with its holder."""

import fcntl
import os
from pathlib import Path
from typing import IO

from nas.errors import RunFolderError


class Lease:
    """The sole right to write a run folder; the system takes it back when the process ends.

    Args:
        path: the file that stands for the right; made where it is absent.

    Raises:
        RunFolderError: another living process has it, or the path is taken by something else.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(path) and not path.is_file():
            raise RunFolderError(
                f"{path} is no file, so nobody can tell whether the run is being written; move it "
                "away, or let nas repair do so"
            )
        self._file: IO[str] = path.open("a+", errors="replace")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.seek(0)
            holder = self._file.read().strip()
            self._file.close()
            raise RunFolderError(
                f"another search writes {path.parent} (process {holder or 'unknown'}); "
                "wait for it or end it, then resume"
            ) from error
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Give the right back; may be called twice."""
        self._file.close()
