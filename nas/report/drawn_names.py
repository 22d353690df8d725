"""How do names of classes and files stand in a picture, whose font knows only some scripts?

A name that cannot be written there stands as the number of its class, and where two names are cut
to the same, the number stands behind them.
"""

import functools
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

import matplotlib
from matplotlib.font_manager import FontProperties, findfont, get_font

LONGEST = 20  # letters of a name
# Unicode's bidirectional classes; matplotlib wrote from left to right alone before 3.11.
_BACKWARDS = ("R", "AL", "AN") if matplotlib.__version_info__ < (3, 11) else ()


def drawn_names(names: Sequence[str]) -> list[str]:
    """Return what stands for each class in a picture; no two are alike.

    >>> drawn_names(["cat", "a long name of one class", "a long name of one other", "\u732b"])
    ['cat', 'a long name of o… #1', 'a long name of o… #2', '#3']
    """
    short = [_cut(name) if is_drawable(name) else f"#{n}" for n, name in enumerate(names)]
    often = Counter(short)
    return [
        _cut(names[n], end=f"… #{n}") if often[text] > 1 and is_drawable(names[n]) else text
        for n, text in enumerate(short)
    ]


def numbers_told(names: Sequence[str]) -> str:
    """Return what the numbers of classes mean, where some stand in a picture; else nothing.

    Args:
        names: of the classes, as they are.
    """
    drawn = drawn_names(names)
    has_numbers = any(
        drawn[n] != name and drawn[n].endswith(f"#{n}") for n, name in enumerate(names)
    )
    return "  #0 is the first class of input.json" if has_numbers else ""


def drawn_file(name: str) -> str:
    """Return the end of a file's name without its folders, `?` for what the font lacks.

    >>> drawn_file("photos/a/1.png")
    '1.png'
    """
    last = "".join(c if c == " " or is_drawable(c) else "?" for c in PurePosixPath(name).name)
    return last if len(last) <= LONGEST else f"…{last[1 - LONGEST :]}"


def is_drawable(name: str) -> bool:
    """Say whether the font of the pictures writes a name as people read it."""
    return bool(name.strip()) and all(
        ord(c) in _known() and unicodedata.bidirectional(c) not in _BACKWARDS for c in name
    )


def _cut(name: str, *, end: str = "…") -> str:
    if len(name) <= LONGEST and end == "…":
        return name
    return name[: LONGEST - len(end)].rstrip() + end


@functools.cache
def _known() -> frozenset[int]:
    """Return the characters that the font has."""
    return frozenset(get_font(findfont(FontProperties())).get_charmap())
