"""What can the place take that output goes to?

An output that cannot take `◆` or lines
(Latin-1, ASCII) gets plain characters; one that is closed, full or no longer read gets nothing
more, and the command goes on: a search is not lost because nobody reads its lines.
"""

import codecs
import errno
import io
import os
import sys
import unicodedata
from typing import Any

_PLAIN = "nas.plain"  # name of the error handler that spells what an encoding lacks
_SPELLINGS = {
    "◆": "*",
    "·": ".",
    "•": "*",
    "●": "o",
    "–": "-",
    "—": "-",
    "…": "...",
    "×": "x",
    "±": "+-",
    "−": "-",
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "│": "|",
    "─": "-",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
    # The bars of a histogram, by height.
    **dict(zip("▁▂▃▄▅▆▇█", "..::--##", strict=True)),
}
_LINES = range(0x2500, 0x2580)  # of boxes


class _Forgiving(io.FileIO):
    """A file that may be full or gone: what it does not take is dropped, and the first error kept.

    Attributes:
        error: why something was dropped; None if nothing was.
    """

    error: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write, or drop; say that all was taken."""
        if self.error is None:
            try:
                return super().write(data)
            except OSError as error:
                self.error = error
        return len(data)


def prepare_streams() -> None:
    """Make standard output and error take whatever is printed. Called once, at the start."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed (`>&-`): the next file to be opened would be taken for it
            os.open(os.devnull, os.O_RDWR)
    for name, number in (("stdout", 1), ("stderr", 2)):
        setattr(sys, name, _prepared(getattr(sys, name), number))


def _prepared(stream: object, number: int) -> object:
    if stream is None:
        return io.TextIOWrapper(io.FileIO(number, "wb", closefd=False), encoding="utf-8")
    if not isinstance(stream, io.TextIOWrapper):
        return stream  # of a test or a notebook
    stream.reconfigure(errors=_PLAIN)
    if stream is not (sys.__stdout__ if number == 1 else sys.__stderr__):
        return stream
    is_terminal = stream.isatty()
    return io.TextIOWrapper(
        io.BufferedWriter(_Forgiving(number, "wb", closefd=False)),
        encoding=stream.encoding,
        errors=_PLAIN,
        line_buffering=is_terminal or number == 2,
    )


def output_fault() -> str | None:
    """Write what is still held back; return why standard output did not take all, if it did not.

    A reader that went away, as of `nas spaces show X | head`, is no fault.
    """
    if not isinstance(sys.stdout, io.TextIOWrapper) or sys.stdout.closed:
        return None
    sys.stdout.flush()
    raw = getattr(sys.stdout.buffer, "raw", None)
    error = raw.error if isinstance(raw, _Forgiving) else None
    if error is None or error.errno == errno.EPIPE:
        return None
    return f"standard output cannot be written ({error.strerror}), so what it has is not whole"


def spelled_plainly(text: str, encoding: str) -> str:
    """Return a text in characters that an encoding has.

    >>> spelled_plainly("◆ 3·5 – Dvořák", "ascii")
    '* 3.5 - Dvorak'
    """
    return "".join(_spelling(character, encoding) for character in text)


def _spelling(character: str, encoding: str) -> str:
    drawn = ("-" if ord(character) % 4 < 2 else "|") if ord(character) in _LINES else None
    bare = unicodedata.normalize("NFKD", character)
    base = "".join(part for part in bare if not unicodedata.combining(part))
    for candidate in (character, _SPELLINGS.get(character), drawn, base):
        if candidate and _has(candidate, encoding):
            return candidate
    return "?"


def _has(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeError:
        return False
    return True


def _spell_plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return spelled_plainly(error.object[error.start : error.end], error.encoding), error.end


codecs.register_error(_PLAIN, _spell_plainly)
