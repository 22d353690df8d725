"""May this command run code that someone else wrote? Only after `trust=true`.

It is given on each command line and never kept: a run folder cannot make itself trusted.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from nas.errors import ConfigError

_KEY = "trust="
_TRUSTED: ContextVar[bool] = ContextVar("trusted", default=False)

WHAT_IT_MEANS = (
    "trust=true runs it with all your rights: say so only of what you or people you trust wrote"
)


def is_trusted() -> bool:
    """Say whether the command line said `trust=true`."""
    return _TRUSTED.get()


@contextmanager
def trusting(trusts: bool = True) -> Iterator[None]:
    """Allow code of others, or forbid it, as long as the block runs."""
    token = _TRUSTED.set(trusts)
    try:
        yield
    finally:
        _TRUSTED.reset(token)


def parted(words: Sequence[str]) -> tuple[list[str], bool]:
    """Return the words of a command without `trust=...`, and what that said; the last one counts.

    >>> parted(["name=a", "trust=true"])
    (['name=a'], True)

    Raises:
        ConfigError: it is neither true nor false.
    """
    told = [word.removeprefix(_KEY).lower() for word in words if word.startswith(_KEY)]
    for value in told:
        if value not in ("true", "false"):
            raise ConfigError(f"trust must be true or false, but got {value!r}")
    rest = [word for word in words if not word.startswith(_KEY)]
    return rest, bool(told) and told[-1] == "true"


def with_trust(words: Sequence[str]) -> list[str]:
    """Return the words with `trust=true`, where it was said: a command to be repeated."""
    return [*words, "trust=true"] if is_trusted() else list(words)
