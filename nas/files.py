"""Files that are whole or absent, and a lease that dies with its process."""

import fcntl
import os
import tempfile
from pathlib import Path
from typing import IO

from nas.errors import RunFolderError


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`; a reader, or a crash at any point, sees the old file or the new.

    The folder is made where it is absent. The content is on disk when this returns.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_text(path: Path, content: str) -> None:
    """Write `content` to `path` as UTF-8, whole or not at all."""
    write_bytes(path, content.encode())


class Lease:
    """The sole right to write a run folder; the system takes it back when the process ends.

    Args:
        path: the file that stands for the right; made where it is absent.

    Raises:
        RunFolderError: another living process has it.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[str] = path.open("a+")
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
