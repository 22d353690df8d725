"""How does a shell read a line that is still being typed? Its words, and which part of the last.

Bash replaces only what follows the last of its word breaks (`=` is one), so what is inserted must
leave out what stands before; and what a file's name holds must be escaped as one would type it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_SPECIAL = re.compile(r"[^\w@%+=:,./\[\]^~-]")
_QUOTES = "'\""


@dataclass(frozen=True)
class TypedLine:
    """A line up to the cursor.

    Attributes:
        words: the words before the last one, without quotes and escapes.
        current: the last one, which may be empty.
        num_kept: characters of `current` that the shell keeps whatever is chosen.
        is_quoted: a quote is open, so that nothing needs an escape.
    """

    words: Sequence[str]
    current: str
    num_kept: int = 0
    is_quoted: bool = False

    def inserted(self, word: str, *, escapes: bool = True) -> str:
        """Return what is to be inserted so that the last word becomes `word`."""
        rest = word[self.num_kept :]
        if self.is_quoted or not escapes:
            return rest
        return _SPECIAL.sub(lambda found: f"\\{found[0]}", rest)


def read_line(line: str, *, breaks: str = "") -> TypedLine:
    """Read a line up to the cursor.

    Args:
        line: as it stands.
        breaks: characters at which the shell begins to replace, besides white space.

    >>> read_line("nas finish run=ru", breaks="=")
    TypedLine(words=['nas', 'finish'], current='run=ru', num_kept=4, is_quoted=False)
    """
    words: list[str] = []
    current, quote, num_kept, is_begun = "", "", 0, False
    characters = iter(line)
    for character in characters:
        if character == quote:
            quote = ""
        elif not quote and character in _QUOTES:
            quote, is_begun, num_kept = character, True, len(current)
        elif character == "\\" and quote != "'":
            current += next(characters, "")
        elif not quote and character.isspace():
            if current or is_begun:
                words.append(current)
            current, num_kept, is_begun = "", 0, False
        else:
            current += character
            if not quote and character in breaks:
                num_kept = len(current)
    return TypedLine(words, current, num_kept, bool(quote))
