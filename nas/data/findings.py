"""What was found where the data lie, as what, and what was not taken?"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_ODD = ("Cc", "Cs", "Zl", "Zp")  # controls, halves of characters, ends of lines and paragraphs
_TURNING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
_MAX_SHOWN = 3  # names in a line
_MAX_KEPT = 1000  # names in a record


@dataclass(frozen=True)
class LeftOut:
    """Things of one kind that are not taken.

    Attributes:
        what: they are, and why they are not taken; perhaps what would help.
        names: of all of them.
        are_images: they seem to be images, so data may be missing.
    """

    what: str
    names: tuple[str, ...]
    are_images: bool = False

    def line(self) -> str:
        """Return what is not taken: number, kind and the first names."""
        return f"not taken: {self.what} ({len(self.names):,}: {listed(self.names)})"


@dataclass(frozen=True)
class Findings:
    """What a loader saw beside the pixels.

    Attributes:
        found: what was taken as what, a line each.
        left_out: what was not.
        doubts: what makes results doubtful, a line each.
        copies: images that are equal to one of an earlier split, as 'this = that'.
    """

    found: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    doubts: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()

    def warnings(self) -> list[str]:
        """Return a line for each thing that may be missing or in two places."""
        lines = [*self.doubts, *(entry.line() for entry in self.left_out if entry.are_images)]
        if self.copies:
            lines.append(f"images that stand in two splits: {listed(self.copies)}")
        return lines

    def images_left_out(self) -> tuple[str, ...]:
        """Return a line for each thing that seems to be an image and is not taken."""
        entries = (entry for entry in self.left_out if entry.are_images)
        return tuple(f"{name}: {entry.what}" for entry in entries for name in entry.names)

    def notes(self) -> list[str]:
        """Return a line for each thing that is as it should be."""
        return [
            *self.found,
            *(entry.line() for entry in self.left_out if not entry.are_images),
        ]

    def describe(self) -> dict[str, object]:
        """Return what a record keeps; of more than 1,000 names the first."""
        return {
            "found": list(self.found),
            "left_out": [
                {
                    "what": entry.what,
                    "number": len(entry.names),
                    "names": list(entry.names[:_MAX_KEPT]),
                }
                for entry in self.left_out
            ],
            "doubts": list(self.doubts),
            "copies": list(self.copies[:_MAX_KEPT]),
        }


NOTHING_FOUND = Findings()


def listed(names: Sequence[str], limit: int = _MAX_SHOWN) -> str:
    """Return the first names in one line.

    >>> listed(["a", "b", "c", "d"], limit=2)
    'a, b and 2 more'
    """
    words = ", ".join(names[:limit])
    return words + (f" and {len(names) - limit:,} more" if len(names) > limit else "")


def printable(name: str) -> str:
    r"""Return a name that any file and terminal takes, in one line.

    Escaped are odd bytes, control characters, what ends a line, and what turns the direction of
    all that follows. Spaces and joiners of any script stay: emoji and Persian words have them.

    >>> printable("caf\udce9 1"), printable("a\u202eb"), printable("\u0645\u06cc\u200c\u062e")
    ('caf\\xe9 1', 'a\\u202eb', 'می\u200cخ')
    """
    text = name.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return "".join(_escaped(c) if _is_odd(c) else c for c in text)


def _is_odd(character: str) -> bool:
    return unicodedata.category(character) in _ODD or (
        unicodedata.bidirectional(character) in _TURNING
    )


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
