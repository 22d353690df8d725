"""Files that are whole or absent: written beside their place, then moved into it."""

import os
import tempfile
from pathlib import Path

# The system tells its mask only by setting one; done once, at import, before threads start.
_UMASK = os.umask(0)
os.umask(_UMASK)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`; a reader, or a crash at any point, sees the old file or the new.

    The folder is made where it is absent. The content is on disk when this returns.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
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


def write_text(path: Path, content: str) -> None:
    """Write `content` to `path` as UTF-8, whole or not at all."""
    write_bytes(path, content.encode())
