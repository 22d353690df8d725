"""Two drivers meet a new database at one moment: both make what is absent, and one comes too late.

A database refuses the second table, or row, of one name. By then it is there, made by the other
one: the second look finds it.
"""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import sqlalchemy as sa

_Made = TypeVar("_Made")

# Optuna makes some twenty tables one by one: two drivers may collide at several tables.
_TRIES, _FIRST_PAUSE_S = 7, 0.05


def made_by_another(make: Callable[[], _Made]) -> _Made:
    """Return what `make` makes or finds, called again where another one was making the same.

    Args:
        make: makes in a database what is absent, and takes what is there.

    Raises:
        Exception: whatever `make` raises otherwise, or raises still at the last try.
    """
    for number in range(_TRIES - 1):
        try:
            return make()
        except Exception as error:
            if not _is_there_already(error):
                raise
        time.sleep(_FIRST_PAUSE_S * 2**number)
    return make()


def _is_there_already(error: BaseException) -> bool:
    return any(
        isinstance(cause, sa.exc.IntegrityError)
        or (isinstance(cause, sa.exc.DBAPIError) and "already exists" in str(cause))
        for cause in _causes(error)
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
