"""Files that are whole or absent: written beside their place, then moved into it."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path

# The system tells its mask only by setting one; done once, at import, before threads start.
_UMASK = os.umask(0)
os.umask(_UMASK)


# What stands in the folder of a checkpoint (`nas.train.checkpoint`).
CHECKPOINT_FILES = ("training.pt",)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`; a reader, or a crash at any point, sees the old file or the new.

    The folder is made where it is absent. The content is on disk when this returns.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file() and not path.is_symlink():
        kind = errno.EISDIR if path.is_dir() else errno.EEXIST  # a pipe or device of the user's
        raise OSError(kind, os.strerror(kind), str(path))
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            # mkstemp keeps a file to its owner; others may read a run's tables.
            os.fchmod(handle, 0o666 & ~_UMASK)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def remove_own(folder: Path, names: Collection[str]) -> None:
    """Remove files of ours from a folder, and the folder if nothing else is in it.

    What others put there stays. Nothing happens where there is no folder, or a link to one, or
    where the disk does not allow it.
    """
    if folder.is_symlink() or not folder.is_dir():
        return
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            is_begun = any(path.name.startswith(f".{name}.") for name in names)  # cut by a crash
            if (path.name in names or is_begun) and (path.is_file() or path.is_symlink()):
                path.unlink(missing_ok=True)
        folder.rmdir()


def remove_folder(folder: Path) -> None:
    """Remove a folder that was made for one trial, with all that is in it; a link stays."""
    if not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)


def write_text(path: Path, content: str) -> None:
    """Write `content` to `path` as UTF-8, whole or not at all."""
    write_bytes(path, content.encode())
