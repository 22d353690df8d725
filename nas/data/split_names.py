"""Which split does a name mean? Of folders, files and arrays alike, in any case."""

import re
from collections.abc import Iterable

from nas.errors import DataError

# Words that published data sets call their splits by.
SPLIT_WORDS = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "valid", "val", "dev", "eval", "evaluation"),
    "test": ("test", "testing", "tst"),
}

# What may stand beside such a word without changing what it means: test_set, Train images.
_FILLERS = {"set", "split", "data", "dataset", "image", "images", "img", "imgs", "samples", "of"}
_OF = {
    f"{word}{end}": split
    for split, words in SPLIT_WORDS.items()
    for word in words
    for end in ("", "set")
}


def split_of(name: str) -> str | None:
    """Return train, validation or test, where a name means one of them.

    >>> split_of("Test_Set"), split_of("val2017"), split_of("contrast")
    ('test', 'validation', None)
    """
    words = _words(name)
    meant = {_OF[word] for word in words if word in _OF}
    others = [word for word in words if word not in _OF and word not in _FILLERS]
    return meant.pop() if len(meant) == 1 and not others else None


def hints_at_split(name: str) -> bool:
    """Say whether a word for a split stands in a name, beside whatever else."""
    return any(word in _OF for word in _words(name))


def by_split(names: Iterable[str], *, where: str, remedy: str) -> dict[str, str]:
    """Return the name that means each split: train, validation, test, as far as there are any.

    Raises:
        DataError: two names mean the same split; `remedy` says what to do.
    """
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        split = split_of(name)
        if split is not None:
            found.setdefault(split, []).append(name)
    for split, several in found.items():
        if len(several) > 1:
            raise DataError(
                f"{where} has {' and '.join(several)}, which both mean the {split} split; {remedy}"
            )
    return {split: found[split][0] for split in SPLIT_WORDS if split in found}


def _words(name: str) -> list[str]:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[\W\d_]+", apart.lower()) if word]
