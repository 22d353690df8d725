"""May class folders be taken for one another, or one image for one of two classes?"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from nas.data.class_names import likeness, look_alikes, spelled_out
from nas.data.findings import listed, printable
from nas.data.split_names import split_of
from nas.errors import DataError

_HELD_OUT = ("validation", "test")


def refuse_one_folder_twice(root: Path, names: Sequence[str]) -> None:
    """Refuse classes that are the same folder by a link: each image would be of both.

    Raises:
        DataError: names them.
    """
    known: dict[tuple[int, int], str] = {}
    for name in names:
        try:
            found = (root / name).stat()
        except OSError:  # told where its images are looked for
            continue
        first = known.setdefault((found.st_dev, found.st_ino), name)
        if first != name:
            raise DataError(
                f"{printable(str(root))}: the class folders {printable(first)} and "
                f"{printable(name)} are one folder, by a link, so each image would be of both "
                "classes; remove the link"
            )


def doubts_about(names: Sequence[str]) -> tuple[str, ...]:
    """Return a line for class names that differ in capitals, spaces or encoding alone."""
    return tuple(
        f"class folders of almost one name, {' and '.join(map(spelled_out, group))}, are "
        f"{len(group)} classes; move their images into one folder if they are one"
        for group in look_alikes(names)
    )


def splits_within(train: Path, paths: Iterable[Path]) -> tuple[str, ...]:
    """Return a line where folders within the classes are called like splits.

    Args:
        train: folder of the class folders.
        paths: of all images below it.
    """
    inside = {path.relative_to(train).parts[:2] for path in paths if path.parent.parent != train}
    odd = sorted("/".join(pair) for pair in inside if split_of(pair[1]) in _HELD_OUT)
    if not odd:
        return ()
    told = listed([printable(name) for name in odd])
    line = (
        f"folders within the classes are called like splits ({told}); their images are taken as "
        "the others of the class: put the splits above the classes, test/CLASS, if they are some"
    )
    return (line,)


def likely_meant(unknown: Iterable[str], absent: Iterable[str]) -> str:
    """Return which class names of two splits are one, but for capitals, spaces or encoding."""
    wanted = {likeness(name): name for name in absent}
    pairs = [(name, wanted[likeness(name)]) for name in unknown if likeness(name) in wanted]
    told = [f"{spelled_out(name)} for {spelled_out(other)}" for name, other in pairs]
    return f" ({listed(told)}: capitals, spaces or encoding differ)" if told else ""
