"""`output=json`: one JSON document on standard output, for programs and agents.

Everything else that a command prints goes to standard error meanwhile, so that a reader of
standard output sees the document alone, whatever happens. docs/json.md says what is in it.
"""

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from typing import Any

from nas.errors import ConfigError

SCHEMA = 1  # of the documents; it grows when a field goes away or changes its meaning
_KEY = "output="
_FORMS = ("text", "json")
_ANSWERS: ContextVar[list[dict[str, Any]] | None] = ContextVar("answers", default=None)


def parted(words: Sequence[str]) -> tuple[list[str], bool]:
    """Return the words of a command without `output=...`, and whether that said json.

    >>> parted(["seed=1", "output=json"])
    (['seed=1'], True)

    Raises:
        ConfigError: it is neither text nor json.
    """
    told = [word.removeprefix(_KEY) for word in words if word.startswith(_KEY)]
    for form in told:
        if form not in _FORMS:
            raise ConfigError(f"output must be text or json, but got {form!r}")
    rest = [word for word in words if not word.startswith(_KEY)]
    return rest, bool(told) and told[-1] == "json"


def wants_json() -> bool:
    """Say whether a document is wanted."""
    return _ANSWERS.get() is not None


def answer(kind: str, content: Mapping[str, Any]) -> None:
    """Give the document of a command, or one of several; nothing where none is wanted."""
    answers = _ANSWERS.get()
    if answers is not None:
        answers.append({"kind": kind, **content})


@contextmanager
def answering() -> Iterator[None]:
    """Send all that is printed to standard error, as long as the block runs."""
    token = _ANSWERS.set([])
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _ANSWERS.reset(token)


def document(status: int, *, error: BaseException | None = None, message: str = "") -> str:
    """Return the document of a command that ended; to be asked while it is answering.

    Args:
        status: the exit status.
        error: what ended it; None for nothing.
        message: the error in words.
    """
    answers = _ANSWERS.get() or []
    if len(answers) == 1:
        (content,) = answers
    else:
        content = {"kind": "several", "documents": answers} if answers else {"kind": "nothing"}
    if error is not None:
        content = {**content, "error": {"type": type(error).__name__, "message": message}}
    whole = {"schema": SCHEMA, "status": int(status), **content}
    return json.dumps(plain(whole), ensure_ascii=False, allow_nan=False)


def plain(value: Any) -> Any:
    """Return a value of types that JSON has; what is no finite number becomes null."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)
