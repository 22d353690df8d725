"""What are classes called, and which of their names could be taken for one another?"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence


def told_apart(names: Sequence[str]) -> tuple[str, ...]:
    """Return names of which none stands twice: published sets call two classes 'crane'.

    >>> told_apart(["crane", "cat", "crane"])
    ('crane (0)', 'cat', 'crane (2)')
    """
    twice = {name for name, number in Counter(names).items() if number > 1}
    return tuple(f"{n} ({place})" if n in twice else n for place, n in enumerate(names))


def likeness(name: str) -> str:
    """Return what names share that differ in capitals, spaces or the encoding of letters alone.

    >>> likeness("Cafe\u0301 "), likeness("caf\u00e9")
    ('café', 'café')
    """
    text = unicodedata.normalize("NFKC", name).casefold()
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")  # what nobody sees
    return unicodedata.normalize("NFKC", " ".join(text.split()))


def look_alikes(names: Iterable[str]) -> list[list[str]]:
    """Return those names that are alike but for that, together.

    >>> look_alikes(["cat", "dog", "Cat"])
    [['cat', 'Cat']]
    """
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(likeness(name), []).append(name)
    return [group for group in alike.values() if len(group) > 1]


def spelled_out(name: str) -> str:
    r"""Return a name in quotes, with all but plain letters as their codes.

    >>> spelled_out("caf\u00e9 ")
    "'caf\\xe9 '"
    """
    return f"'{name.encode('unicode_escape', errors='surrogatepass').decode()}'"


def is_respelled(before: str, now: str) -> bool:
    r"""Say whether a class on record is this one, with joiners and spaces escaped as before.

    >>> is_respelled(r"a\u200cb", "a\u200cb"), is_respelled("a", "b")
    (True, False)
    """
    once = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in now)
    return before == "".join(once)
