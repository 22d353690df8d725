"""Which groups of YAML files are there, and what may be chosen of each?"""

from collections.abc import Sequence
from pathlib import Path


def choices_of(group: str, folders: Sequence[Path]) -> list[str]:
    """Return the names of the files of a group, sorted; empty if there is no such group."""
    return sorted({path.stem for folder in folders for path in (folder / group).glob("*.yaml")})


def groups_of(folders: Sequence[Path]) -> list[str]:
    """Return the names of all groups, sorted."""
    files = ((folder, path) for folder in folders for path in folder.glob("*/**/*.yaml"))
    found = {path.parent.relative_to(folder).as_posix() for folder, path in files}
    return sorted(found - {"hydra"})
