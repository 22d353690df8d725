"""Where does output go? To a terminal of its own width, or to a file, which has none."""

import sys

from rich.console import Console

# Wide enough for an architecture on one line; rich would fold files at 80.
FILE_WIDTH = 200


def make_console(*, is_quiet: bool = False) -> Console:
    """Return a console on standard output."""
    return Console(width=None if sys.stdout.isatty() else FILE_WIDTH, quiet=is_quiet)


def terminal_width(console: Console) -> int | None:
    """Return the characters of a line of a terminal; None for a file."""
    return console.width if console.is_terminal else None
