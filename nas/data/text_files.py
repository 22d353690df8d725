"""Which files of a folder are texts? Those whose names end so.

Links are followed, but never round in a circle. Hidden files and folders are left out, as those of
tools are (`.git`).
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from nas.errors import DataError


def find_files(path: Path, *, suffixes: Sequence[str]) -> list[Path]:
    """Return the files of a folder that hold text, sorted by name; or the one file.

    Args:
        path: a file, or a folder that is looked through with all below it.
        suffixes: endings of the names that count in a folder, in small or capital letters.

    Raises:
        DataError: there is no such place, or no such file.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        place = path.absolute()
        what = f"there is no {place}"
        if os.path.lexists(path):
            what = f"{place} is a pipe, a device or a link to nothing"
        raise DataError(f"data.path: {what}; give a file or folder of text")
    endings = _endings(suffixes)
    found = sorted(file for file in _below(path) if file.name.lower().endswith(endings))
    if not found:
        raise DataError(
            f"data.path: {path.absolute()} holds no file that ends in {', '.join(endings)}; "
            "data.suffixes names others"
        )
    return found


def _below(folder: Path) -> Iterator[Path]:
    """Yield the regular files of a folder and of all in it, each folder once."""
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        about = Path(place).stat()
        if (about.st_dev, about.st_ino) in seen:
            folders.clear()
            continue
        seen.add((about.st_dev, about.st_ino))
        # In the order of their names: which of two links to one folder is taken hangs on it.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files = (Path(place, name) for name in names if not name.startswith("."))
        yield from (file for file in files if file.is_file())


def _endings(suffixes: Sequence[str]) -> tuple[str, ...]:
    """Return endings of names in small letters.

    Raises:
        DataError: there are none, or one is no text.
    """
    given = [suffixes] if isinstance(suffixes, str) else list(suffixes)
    if not given or not all(isinstance(suffix, str) and suffix.strip(".") for suffix in given):
        raise DataError(
            f"data.suffixes must be endings of names, such as [.txt,.md], but got {suffixes!r}"
        )
    return tuple("." + suffix.lower().removeprefix(".") for suffix in given)
