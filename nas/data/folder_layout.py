"""Which folder of a user's images is what: a split, a class, or neither?

Everything that lies there is taken or told. What could be read in two ways is refused, with what
to do.
"""

import zipfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.data.class_folders import (
    doubts_about,
    likely_meant,
    refuse_one_folder_twice,
    splits_within,
)
from nas.data.findings import Findings, LeftOut, listed, printable
from nas.data.folder_walk import FolderEntry, Gathered, entries, images_below, is_image, lies_in
from nas.data.split_names import by_split, hints_at_split, split_of
from nas.errors import DataError

_MAX_DEPTH = 5  # of folders with one folder in them, that are looked into
_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar", ".zst")
_LOOSE = "images in no class folder"
_LISTS = "files that seem to list labels, which are not read: folders tell the classes"
_LIST_ENDS = (".csv", ".tsv", ".json", ".jsonl", ".xml", ".parquet", ".xlsx")


@dataclass(frozen=True)
class SplitImages:
    """The images of a split.

    Attributes:
        folder: of the split, as the user wrote it.
        paths: of its images, below that.
        labels: class of each.
    """

    folder: Path
    paths: Sequence[Path]
    labels: Sequence[int]


@dataclass(frozen=True)
class FolderLayout:
    """What the folders of a user are.

    Attributes:
        folders: split -> its folder.
        class_names: names of the class folders, in order.
        images: split -> its images.
        gathered: what is not taken.
        doubts: what the user should look at.
    """

    folders: dict[str, Path]
    class_names: tuple[str, ...]
    images: dict[str, SplitImages]
    gathered: Gathered
    doubts: tuple[str, ...]

    def findings(self) -> Findings:
        """Return all of it in words."""
        is_split = len(self.images) > 1
        found = tuple(
            f"{word}: {self._told(split)}" if is_split else self._told(split)
            for word, split in self.images.items()
        )
        return Findings(found, self.gathered.left_out(), self.doubts)

    def _told(self, split: SplitImages) -> str:
        number, where = len(self.class_names), printable(str(split.folder))
        return f"{len(split.paths):,} images in {number:,} class folders of {where}"


def checked_folder(path: str) -> Path:
    """Return the folder that the user means; `~` is the user's home.

    Raises:
        DataError: there is none, or it is a file.
    """
    root, can_be = Path(path), False
    try:
        if path.startswith("~") and not root.exists():
            root = root.expanduser()
        can_be = bool(path) and root.exists()
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"data.path: {printable(path)[:200]} cannot be opened: {printable(str(error))[:200]}; "
            "give the path of a folder"
        ) from error
    shown = printable(str(root.absolute()))
    if not can_be:
        raise DataError(
            f"data.path: there is no folder {shown if path else repr(path)}; give one that holds "
            "class folders"
        )
    if not root.is_dir():
        packed = root.suffix.lower() in _ARCHIVES or (root.is_file() and zipfile.is_zipfile(root))
        remedy = "unpack it, and give the folder" if packed else "give a folder of class folders"
        raise DataError(f"data.path: {shown} is no folder{' but an archive' * packed}; {remedy}")
    return root


@dataclass(frozen=True)
class _Classes:
    """The folders of splits and classes, and what was met beside them."""

    splits: dict[str, Path]
    train: Path
    names: tuple[str, ...]
    gathered: Gathered
    doubts: tuple[str, ...]


def check_classes(root: Path) -> Collection[str]:
    """Return the splits that have a folder, without a look at the images.

    Raises:
        DataError: classes or splits are missing or ambiguous.
    """
    return _find_classes(root).splits.keys()


def find_layout(root: Path) -> FolderLayout:
    """Look at all that lies below a folder.

    Raises:
        DataError: classes or splits are missing, empty or ambiguous.
    """
    found = _find_classes(root)
    folders = found.splits or {"train": root}
    images = {
        word: _images(word, folder, found.names, found.gathered, train=found.train)
        for word, folder in folders.items()
    }
    doubts = (*found.doubts, *splits_within(found.train, images["train"].paths))
    return FolderLayout(folders, found.names, images, found.gathered, doubts)


def _find_classes(root: Path) -> _Classes:
    gathered = Gathered()
    inside = entries(root, gathered)
    splits = _split_folders(root, inside)
    doubts: tuple[str, ...] = ()
    if "train" in splits:
        doubts = _judge_beside(root, inside, splits)
        _gather_loose(inside, gathered)
        inside = entries(splits["train"], gathered)
    _gather_loose(inside, gathered)
    train = splits.get("train", root)
    classes = tuple(entry.path.name for entry in inside if entry.is_folder)
    _check_classes(train, classes, inside, gathered)
    if not splits:
        _refuse_splits_as_classes(root, inside)
    refuse_one_folder_twice(train, classes)
    return _Classes(splits, train, classes, gathered, (*doubts, *doubts_about(classes)))


def _folders_in(folder: Path) -> list[FolderEntry]:
    return [entry for entry in entries(folder, Gathered()) if entry.is_folder]


def _split_folders(root: Path, inside: Sequence[FolderEntry]) -> dict[str, Path]:
    """Return the folders of the splits; none where no folder of classes means train."""
    named = [e.path for e in inside if e.is_folder and split_of(e.path.name) is not None]
    meant = [path for path in named if _folders_in(path)]
    if not any(split_of(path.name) == "train" for path in meant):
        return {}
    found = by_split(
        [path.name for path in meant],
        where=printable(str(root)),
        remedy="keep one there and move the other away, or join them",
    )
    return {word: root / name for word, name in found.items()}


def _judge_beside(
    root: Path, inside: Sequence[FolderEntry], splits: dict[str, Path]
) -> tuple[str, ...]:
    """Return a line for each folder beside those of the splits; refuse what may be a class."""
    train = splits["train"]
    of_train = {entry.path.name for entry in _folders_in(train)}
    doubts, classes = [], []
    for entry in inside:
        if not entry.is_folder or entry.path in splits.values():
            continue
        path = entry.path
        direct, deeper = lies_in(path)
        meant = split_of(path.name)
        if meant is None and (direct or (deeper and path.name in of_train)):
            classes.append(path.name)
        else:
            doubts.append(_line_beside(path, direct, deeper, meant, splits))
    if classes:
        names = listed([printable(name) for name in classes], limit=8)
        raise DataError(
            f"{printable(str(root))} has the folder {printable(train.name)} with class folders in "
            f"it, and beside it folders with images that are no splits: {names}; move these away, "
            f"or take what is in {printable(train.name)} alone with "
            f"data.path={printable(str(train))}, or rename it if it is a class"
        )
    return tuple(doubts)


def _line_beside(
    path: Path, direct: int, deeper: int, meant: str | None, splits: dict[str, Path]
) -> str:
    shown, number = printable(str(path)), direct + deeper
    if not number:
        return f"not taken: the folder {shown}, which holds no images"
    if meant is None:
        return (
            f"not taken: the folder {shown} with {number:,} images; its name means no split: call "
            "it val or test if it is one"
        )
    source = "taken from" if meant in splits else "drawn from"
    place = printable(str(splits.get(meant, splits["train"])))
    return (
        f"not taken: the folder {shown} with {number:,} images, which has no class folders; the "
        f"{meant} split is {source} {place}"
    )


def _gather_loose(inside: Sequence[FolderEntry], gathered: Gathered) -> None:
    for entry in inside:
        if entry.is_folder:
            continue
        if entry.path.suffix.lower() in _LIST_ENDS:
            gathered.add(_LISTS, str(entry.path))
        elif is_image(entry.path, gathered):
            gathered.add(_LOOSE, str(entry.path), is_image=True)


def _check_classes(
    root: Path, classes: Sequence[str], inside: Sequence[FolderEntry], gathered: Gathered
) -> None:
    if len(classes) >= 2:
        return
    shown = printable(str(root))
    beside = len(inside) - len(classes)
    files = f" and {beside:,} files beside them" if beside else ""
    hint = ""
    inner, below = root, list(classes)
    for _ in range(_MAX_DEPTH):  # a folder in a folder, as some archives are unpacked
        if len(below) != 1:
            break
        inner /= below[0]
        below = [entry.path.name for entry in _folders_in(inner)]
    if len(below) >= 2:
        hint = (
            f"; perhaps data.path={printable(str(inner))}, which has the folders "
            f"{listed([printable(name) for name in below])}"
        )
    one = f": {printable(classes[0])}" if classes else ""
    hint += "".join(f"; {entry.line()}" for entry in gathered.left_out())
    raise DataError(
        f"{shown} has {len(classes)} class folder{'' if one else 's'}{one}{files}; put the images "
        f"of each class into a folder of its own, at least 2{hint}"
    )


def _refuse_splits_as_classes(root: Path, inside: Sequence[FolderEntry]) -> None:
    """Refuse folders that are called like splits where the classes are expected."""
    names = [entry.path.name for entry in inside if entry.is_folder]
    shown = printable(str(root))
    if all(hints_at_split(name) for name in names):
        told = ", ".join(printable(name) for name in names)
        raise DataError(
            f"{shown} has the folders {told}, which seem to be splits, and none that is called "
            "train and holds class folders; name it so, or give the folder that holds the classes"
        )
    # A folder called train with images in it may well be a class: a kind of vehicle.
    odd = [
        entry.path
        for entry in inside
        if entry.is_folder
        and (meant := split_of(entry.path.name))
        and (meant != "train" or _folders_in(entry.path))
    ]
    if odd:
        told = ", ".join(printable(path.name) for path in odd)
        others = [printable(n) for n in names if n not in {path.name for path in odd}]
        raise DataError(
            f"{shown} has the class folders {listed(others)} and beside them {told}, which is "
            "called like a split; move the class folders into a folder called train, or move "
            f"{told} away; if it is a class, give it another name, such as "
            f"class_{printable(odd[0].name)}"
        )


def _images(
    word: str, folder: Path, classes: Sequence[str], gathered: Gathered, *, train: Path
) -> SplitImages:
    if folder != train:
        inside = entries(folder, gathered)
        _gather_loose(inside, gathered)
        _check_same_classes(
            word, folder, [e.path.name for e in inside if e.is_folder], classes, train=train
        )
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found_no = Gathered()
        found = images_below(folder / name, found_no, root=folder)
        gathered.join(found_no)
        if not found:
            _refuse_empty(word, folder / name, found_no.left_out())
        paths.extend(found)
        labels.extend([label] * len(found))
    return SplitImages(folder, paths, labels)


def _check_same_classes(
    word: str, folder: Path, names: Sequence[str], classes: Sequence[str], *, train: Path
) -> None:
    others = [name for name in names if name not in classes]
    lacking = [name for name in classes if name not in names]
    unknown, absent = ([printable(name) for name in some] for some in (others, lacking))
    shown = printable(str(folder))
    if unknown:
        missing = f" and lacks {listed(absent)}" if absent else ""
        missing += likely_meant(others, lacking)
        raise DataError(
            f"{shown} has the class folders {listed(unknown, 8)}, which train has not{missing}; "
            f"the classes are the folders of {printable(str(train))}: "
            f"{listed([printable(c) for c in classes], 20)}; call each class alike in all splits, "
            "or move the folder away"
        )
    if absent:
        raise DataError(
            f"{shown} has no folder for the classes {listed(absent, 8)}, which train has; add "
            f"one with images of each, or remove the class from {printable(str(train))}, or move "
            f"{shown} away, and the {word} split is drawn from train"
        )


def _refuse_empty(word: str, folder: Path, left_out: Sequence[LeftOut]) -> None:
    shown = printable(str(folder))
    reasons = "".join(f"; {entry.line()}" for entry in left_out)
    raise DataError(
        f"{shown}: there are no images of the classes {printable(folder.name)} in the {word} "
        f"split; add images that can be read, or remove the folder{reasons}"
    )
