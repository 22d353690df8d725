"""Keeps what was damaged: nothing of a run folder is thrown away to mend it."""

import itertools
import os
import stat
from pathlib import Path

from nas.files import write_bytes


def keep_original(path: Path) -> Path:
    """Give a file a second name, `<name>.damaged`, and return it; a name that is taken stays.

    The content needs no room a second time where the disk knows hard links.
    """
    for place in _names(path):
        if place.is_file() and place.read_bytes() == path.read_bytes():
            return place  # kept by a command that was killed
        if os.path.lexists(place):
            continue
        try:
            os.link(path, place)
        except FileExistsError:
            continue
        except OSError:
            write_bytes(place, path.read_bytes())
        return place
    raise AssertionError("there are names without end")


def set_aside(path: Path) -> Path:
    """Move whatever stands at a path to `<name>.damaged`, and return that place."""
    place = next(place for place in _names(path) if not os.path.lexists(place))
    path.rename(place)
    return place


def is_file_or_absent(path: Path) -> bool:
    """Say whether a file may be written at a path as it is."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return not os.path.lexists(path)


def _names(path: Path) -> "itertools.chain[Path]":
    first = path.with_name(f"{path.name}.damaged")
    more = (path.with_name(f"{path.name}.damaged-{n}") for n in itertools.count(2))
    return itertools.chain([first], more)
