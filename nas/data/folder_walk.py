"""What lies in a folder of images, and what of it is taken?

Links are followed, to files and to folders, but never round in a circle. What is hidden, belongs
to a system or a tool, or is no regular file is left out without being opened. All that is not
taken is gathered by kind, by name.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nas.data.findings import LeftOut, printable
from nas.data.image_formats import has_image_content, readable_extensions, why_unreadable

# Folders and files that systems and tools leave beside images.
_SYSTEM = {
    "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "lost+found", "$recycle.bin", "@eadir",
    "__pycache__", "system volume information", "picasa.ini", "icon\r",
}  # fmt: skip

HIDDEN = "hidden files and folders"
SYSTEM = "files and folders of a system or tool"
OTHER = "files that are no images"
ODD = "pipes, sockets and devices"
LOST = "links to nothing"
CIRCLE = "links to folders that are taken already"
CLOSED = "folders and files that may not be read (check their permissions)"

_MAX_COUNTED = 10_000  # images that are counted in a folder that is not taken

Identity = tuple[int, int]  # of a folder: device and inode


@dataclass
class Gathered:
    """What is left out, as it is found: kind -> names, and which kinds are images."""

    names: dict[str, list[str]] = field(default_factory=dict)
    images: set[str] = field(default_factory=set)

    def add(self, kind: str, name: str, *, is_image: bool = False) -> None:
        """Note one thing."""
        self.names.setdefault(kind, []).append(printable(name))
        if is_image:
            self.images.add(kind)

    def join(self, other: "Gathered") -> None:
        """Add what another gathered."""
        for kind, names in other.names.items():
            self.names.setdefault(kind, []).extend(names)
        self.images |= other.images

    def left_out(self) -> tuple[LeftOut, ...]:
        """Return what was noted, images first."""
        kinds = sorted(self.names, key=lambda kind: kind not in self.images)
        return tuple(LeftOut(k, tuple(self.names[k]), k in self.images) for k in kinds)


@dataclass(frozen=True)
class FolderEntry:
    """One thing in a folder that is neither hidden nor of a system.

    Attributes:
        path: beginning as the user wrote it.
        is_folder: or a link to one; else a file, a link to one, or a link to nothing that is
            called like an image.
    """

    path: Path
    is_folder: bool


def entries(folder: Path, gathered: Gathered) -> list[FolderEntry]:
    """Return what lies in a folder, by name; the rest is gathered."""
    try:
        with os.scandir(folder) as opened:
            found = sorted(opened, key=lambda one: one.name)
    except OSError:
        gathered.add(CLOSED, str(folder), is_image=True)
        return []
    return [entry for one in found if (entry := _entry(one, gathered)) is not None]


def images_below(folder: Path, gathered: Gathered, *, root: Path) -> list[Path]:
    """Return the images of a folder and of all folders in it, by path.

    Args:
        folder: to look into.
        gathered: what is not taken is added to it.
        root: no link is followed to this folder or to one that holds it.
    """
    above = root.resolve()
    seen = {_identity(parent) for parent in (above, *above.parents)}
    return sorted(_walk(folder, gathered, seen))


def lies_in(folder: Path) -> tuple[int, int]:
    """Return how many images lie directly in a folder, and how many in the folders in it."""
    aside = Gathered()
    direct, deeper = 0, 0
    for entry in entries(folder, aside):
        if entry.is_folder:
            deeper += len(images_below(entry.path, aside, root=folder))
        else:
            direct += is_image(entry.path, aside)
    return direct, deeper


def is_image(path: Path, gathered: Gathered) -> bool:
    """Say whether a file is an image to be read; else it is gathered."""
    if path.suffix.lower() in readable_extensions():
        return True
    try:
        with path.open("rb") as opened:
            start = opened.read(32)
    except OSError:
        gathered.add(CLOSED, str(path), is_image=True)
        return False
    reason = why_unreadable(path, start)
    if reason is None and has_image_content(path, start):
        return True
    gathered.add(reason or OTHER, str(path), is_image=reason is not None)
    return False


def _walk(folder: Path, gathered: Gathered, seen: set[Identity]) -> Iterator[Path]:
    # Links last: what they lead to keeps the name that it has itself.
    folders, links = [folder], list[Path]()
    while folders or links:
        current = folders.pop() if folders else links.pop(0)
        identity = _identity(current)
        if identity in seen:
            gathered.add(CIRCLE, str(current))
            continue
        seen.add(identity)
        for entry in entries(current, gathered):
            if entry.is_folder:
                (links if entry.path.is_symlink() else folders).append(entry.path)
            elif is_image(entry.path, gathered):
                yield entry.path


def _identity(folder: Path) -> Identity:
    found = folder.stat()
    return found.st_dev, found.st_ino


def _entry(one: os.DirEntry[str], gathered: Gathered) -> FolderEntry | None:
    path = Path(one.path)
    if path.name.startswith(".") or path.name.lower() in _SYSTEM:
        is_hidden = path.name.startswith(".") and path.name.lower() not in (".ds_store",)
        gathered.add(HIDDEN if is_hidden else SYSTEM, f"{path}{_count_words(path)}")
        return None
    try:
        is_folder, is_file = one.is_dir(), one.is_file()
        leads_nowhere = one.is_symlink() and not path.exists()
    except PermissionError:
        gathered.add(CLOSED, str(path), is_image=True)
        return None
    except OSError:  # a link to itself
        is_folder, is_file, leads_nowhere = False, False, True
    if leads_nowhere and path.suffix.lower() in readable_extensions():
        return FolderEntry(path, is_folder=False)  # told when it is opened
    if is_folder or is_file:
        return FolderEntry(path, is_folder)
    gathered.add(LOST if leads_nowhere else ODD, str(path))
    return None


def _count_words(folder: Path) -> str:
    """Return how many images seem to lie in a folder that is not taken, in words."""
    number = 0
    if folder.is_symlink() or not folder.is_dir():
        return ""
    for _, _, names in os.walk(folder):
        number += sum(Path(name).suffix.lower() in readable_extensions() for name in names)
        if number > _MAX_COUNTED:
            return f" with more than {_MAX_COUNTED:,} images"
    return f" with {number:,} image{'s' * (number > 1)}" if number else ""
