"""The file of a study journal: its whole lines, a torn last one, a lock that was left."""

import os
import shlex
from pathlib import Path

from nas.errors import RunFolderError
from nas.record.reading import is_regular, read_bytes
from nas.study.journal_lines import START, LineFault, salvage, split_torn

BRING_BACK = (
    "move it away and bring study.journal back from a copy; it is the one record of the trials"
)


def whole_lines(path: Path) -> bytes:
    """Return the lines of a journal without a torn last one.

    Raises:
        RunFolderError: it cannot be read, or what follows the last line end is no torn line.
    """
    lines, torn = split_torn(read_bytes(path, remedy=BRING_BACK))
    if not lines and torn.strip(b"\0") and torn[: len(START)] != START[: len(torn)]:
        raise damaged(path, 1, LineFault("it is no JSON"))
    if len(salvage(torn)) > 1:
        raise damaged(path, lines.count(b"\n") + 1, LineFault("it holds several records"))
    return lines


def lines_of(content: bytes) -> list[bytes]:
    """Return whole lines without their ends."""
    return content.split(b"\n")[:-1]


def damaged(path: Path, number: int, fault: LineFault) -> RunFolderError:
    """Return the error that names a damaged line and the way on."""
    return RunFolderError(
        f"line {number} of {path} is damaged: {fault}; save what is whole with: "
        f"nas repair run={shlex.quote(str(path.parent))}"
    )


def check_is_file(path: Path) -> None:
    """Refuse what stands in a journal's place and is no file.

    Raises:
        RunFolderError: it is a folder, a pipe, a link to nothing.
    """
    if not is_regular(path):
        raise RunFolderError(f"{path} is no file that can be read; {BRING_BACK}")


def drop_torn_line(path: Path) -> None:
    """Cut what follows the last line end: a write that a crash or a full disk interrupted."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        whole = end
        while whole > 0:
            start = max(0, whole - 65536)
            file.seek(start)
            newline = file.read(whole - start).rfind(b"\n")
            if newline >= 0:
                whole = start + newline + 1
                break
            whole = start
        if whole != end:
            file.truncate(whole)


def drop_stale_lock(path: Path) -> None:
    """Remove the lock that a killed driver left; Optuna would wait 30 s for it.

    Only the driver that holds the run's lease opens a journal to append to it.
    """
    path.with_name(f"{path.name}.lock").unlink(missing_ok=True)


def unwritable(error: OSError) -> RunFolderError:
    """Return the message for a journal that cannot be written."""
    return RunFolderError(
        f"the record of trials could not be written ({error}); free the disk and resume: "
        "everything acknowledged so far is safe"
    )
