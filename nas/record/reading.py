"""Reads a file of a run folder, or says in one sentence why it cannot be read.

Only files are opened: a pipe would wait for a writer without end, a device never ends.
"""

import json
import os
import stat
from pathlib import Path
from typing import Any

from nas.errors import RunFolderError


def read_bytes(path: Path, *, remedy: str) -> bytes:
    """Return the content of a file.

    Args:
        path: the file.
        remedy: what the user can do if it cannot be read; follows a semicolon.

    Raises:
        RunFolderError: it is missing, no file, or may not be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise RunFolderError(f"{path} is no file; {remedy}")
            return file.read()
    except IsADirectoryError as error:
        raise RunFolderError(f"{path} is a folder, not a file; {remedy}") from error
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read ({error.strerror}); {remedy}") from error


def read_text(path: Path, *, remedy: str) -> str:
    """Return the content of a text file.

    Raises:
        RunFolderError: it cannot be read, or is no text.
    """
    try:
        return read_bytes(path, remedy=remedy).decode()
    except UnicodeDecodeError as error:
        raise RunFolderError(f"{path} is no text ({error.reason}); {remedy}") from error


def read_json(path: Path, *, remedy: str) -> Any:
    """Return what a JSON file says.

    Raises:
        RunFolderError: it cannot be read, or is no JSON.
    """
    try:
        return json.loads(read_text(path, remedy=remedy))
    except (ValueError, RecursionError) as error:
        raise RunFolderError(f"{path} is no JSON ({str(error)[:80]}); {remedy}") from error


def is_there(path: Path) -> bool:
    """Say whether anything stands at a path, be it a link to nothing."""
    return os.path.lexists(path)


def is_regular(path: Path) -> bool:
    """Say whether nothing or a file stands at a path; False for folders, pipes, dangling links."""
    return path.is_file() or not os.path.lexists(path)
