"""How does a user's text stand on a model card, so that Markdown shows it as it is?

By the rules of CommonMark 0.31 (code spans, backslash escapes) and of GitHub's tables.
"""

import re

from nas.data.findings import printable

_SPECIAL = re.compile(r"([\\`*<>\[\]|#&~$]|(?<!\w)_|_(?!\w))")


def code_span(text: str, *, in_table: bool = False) -> str:
    r"""Return a text as code.

    Args:
        text: of a user, in any script.
        in_table: a bar would end its cell.

    >>> code_span("a`b"), code_span("`"), code_span("a|b", in_table=True)
    ('``a`b``', '`` ` ``', '`a\\|b`')
    """
    inner = printable(text)
    fence = "`" * (max(map(len, re.findall("`+", inner)), default=0) + 1)
    if inner.startswith(("`", " ")) or inner.endswith(("`", " ")):
        inner = f" {inner} "  # a space at both ends is taken off again
    if in_table:
        inner = inner.replace("|", r"\|")
    return f"{fence}{inner}{fence}"


def escaped(text: str) -> str:
    r"""Return a text among words: what Markdown would read as its own is escaped.

    >>> escaped("my *photos* & snake_case")
    'my \\*photos\\* \\& snake_case'
    """
    return _SPECIAL.sub(r"\\\1", printable(text))
