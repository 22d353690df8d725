"""A user's own images from folders, one folder for each class.

Either `path/<class>/...`, or the same below `path/train`, `path/val` and `path/test`; a split that
has no folder is held out from train. `nas.data.folder_layout` says which folder is what.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nas.data.class_names import told_apart
from nas.data.dataset import Dataset
from nas.data.encoded import Encoded, load_encoded
from nas.data.findings import printable
from nas.data.folder_layout import SplitImages, checked_folder, find_layout
from nas.data.preparation import Preparation, with_preparation
from nas.data.streamed import Texts


@with_preparation()
def load_image_folder(path: str, *, preparation: Preparation) -> Dataset:
    """Return the images of a folder of class folders, as uint8.

    Args:
        path: the folder; classes are numbered in the order of their names.
        preparation: as `nas.data.preparation.Preparation`; each of its settings by name.

    Raises:
        DataError: folders are missing, empty or ambiguous, or images differ in size or cannot be
            read.
    """
    root = checked_folder(path)
    layout = find_layout(root)
    parts = {word: _encoded(listed) for word, listed in layout.images.items()}
    return load_encoded(
        parts,
        preparation=preparation,
        class_names=told_apart([printable(name) for name in layout.class_names]),
        name=printable(root.resolve().name),
        where=printable(str(layout.folders["train"])),
        official="; ".join(
            f"{word}: the images of {printable(folder.name)}"
            for word, folder in layout.folders.items()
        ),
        findings=layout.findings(),
    )


@dataclass(frozen=True)
class Files:
    """Image files.

    Attributes:
        root: a folder, absolute: workers may start elsewhere.
        paths: below it.
        told_root: the same as the user wrote it, for messages.
    """

    root: str
    paths: Texts
    told_root: str

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, index: int) -> str:
        """Return the path, beginning as the user wrote it."""
        return printable(str(Path(self.told_root, self.paths[index])))

    def open(self, index: int) -> Path:
        """Return the path."""
        return Path(self.root, self.paths[index])

    def version(self) -> str | None:
        """Return a digest of all paths, sizes in bytes, times of change and permissions."""
        digest = hashlib.blake2b(self.root.encode(errors="surrogateescape"), digest_size=16)
        for path in self.paths:
            try:
                found = (Path(self.root) / path).stat()
            except OSError:  # broken: told when it is opened
                continue
            # Who may read it counts: what could not be read may be allowed later.
            text = f"{path}\0{found.st_size}\0{found.st_mtime_ns}\0{found.st_mode}\n"
            digest.update(text.encode(errors="surrogateescape"))
        return digest.hexdigest()


def _encoded(listed: SplitImages) -> Encoded:
    below = Texts([str(path.relative_to(listed.folder)) for path in listed.paths])
    files = Files(str(listed.folder.absolute()), below, str(listed.folder))
    return Encoded(files, np.array(listed.labels, dtype=np.int64))
