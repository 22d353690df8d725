"""Does everything in a run folder lie in it?

A link in a folder that came from elsewhere could have a log or weights written to any place of
this machine, and a pipe would hold a command for ever.
"""

import os
import stat
from pathlib import Path

from nas.errors import RunFolderError

# The lock of the journal is a link by design, which nobody follows.
_LOCK = "study.journal.lock"


def refuse_what_leads_out(folder: Path) -> None:
    """Refuse a run folder that holds links to other places, pipes or devices; nothing is opened.

    Raises:
        RunFolderError: with the first of them, and where it leads.
    """
    root = folder.resolve()
    for place, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(place, name)
            if not name.startswith(_LOCK):
                _refuse(path, root)


def _refuse(path: Path, root: Path) -> None:
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            target = path.resolve()
            if not target.is_relative_to(root):
                raise RunFolderError(
                    f"{path} is a link to {target}, outside of the run folder, where a command "
                    "would read or write in its name; put what it leads to in its place, or "
                    "remove it (the run folder itself may be a link)"
                )
        elif not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise RunFolderError(
                f"{path} is neither a file nor a folder, but a pipe, socket or device, which a "
                "search never makes; remove it"
            )
    except FileNotFoundError:
        pass  # a file of the moment of a run that goes on
    except (OSError, RuntimeError) as error:
        raise RunFolderError(f"{path} cannot be looked at: {error}; remove it") from error
