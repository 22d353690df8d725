"""May a file run code while it is read? A pickle does, and so does TorchScript.

Python code that names such a file does what its author wants. What settings name is read inside of
`weights_alone()`, where files are data or refused.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_UNPICKLES: ContextVar[bool] = ContextVar("unpickles", default=True)


def may_unpickle() -> bool:
    """Say whether files that are named at this moment may run code."""
    return _UNPICKLES.get()


@contextmanager
def weights_alone(is_told: bool = True) -> Iterator[None]:
    """Have models that are named inside of the block read no pickles, here or in a worker."""
    token = _UNPICKLES.set(not is_told)
    try:
        yield
    finally:
        _UNPICKLES.reset(token)
