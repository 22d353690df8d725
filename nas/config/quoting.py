"""How does a text stand in an override, so that Hydra reads it as it is?

By itself, so that a command line can be put in order without importing Hydra.
"""

import re


def quoted(text: str) -> str:
    r"""Return a text in quotes. Hydra reads a backslash as itself, but before a quote.

    >>> quoted("it's")
    "'it\\'s'"
    """
    inner = re.sub(r"(\\*)'", r"\1\1\\'", text)
    inner = re.sub(r"(\\+)$", r"\1\1", inner)
    return f"'{inner}'"
