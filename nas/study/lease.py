"""The sole right to write a study in a database, for drivers on different machines.

A row per study says who holds it and has a counter that its holder raises every few seconds. Who
wants the study and finds a row watches the counter: if it moves, the holder lives; if it stands
still for `PATIENCE_S`, the row changes hands by compare-and-swap. No clocks are compared, so they
need not agree. A driver that ends in order removes its row; one that died on this machine is not
waited for.
"""

import os
import platform
import time
import uuid

import sqlalchemy as sa

from nas.errors import RunFolderError
from nas.study.database_race import made_by_another

BEAT_EVERY_S = 2.0
PATIENCE_S = 15.0

_METADATA = sa.MetaData()
_LEASES = sa.Table(
    "nas_leases",
    _METADATA,
    sa.Column("study_name", sa.String(255), primary_key=True),
    sa.Column("holder", sa.String(255), nullable=False),
    sa.Column("beat", sa.BigInteger, nullable=False),
)


_HERE = f"{platform.node()} process "


class DatabaseLease:
    """Taken when made; raise the counter with `beat`, give it back with `release`.

    Args:
        engine: of the database.
        study_name: the study to hold.
        patience_s: how long a counter must stand still before its holder counts as dead.

    Raises:
        RunFolderError: another living driver holds the study.
    """

    def __init__(
        self, engine: sa.Engine, study_name: str, *, patience_s: float = PATIENCE_S
    ) -> None:
        self._engine = engine
        self._study_name = study_name
        self._holder = f"{_HERE}{os.getpid()} ({uuid.uuid4().hex[:8]})"
        made_by_another(lambda: _METADATA.create_all(engine))
        if not self._insert():
            self._take_over(patience_s)

    def beat(self) -> bool:
        """Show that the holder lives; False if the study has changed hands."""
        return self._update(_LEASES.c.holder == self._holder, beat=_LEASES.c.beat + 1)

    def release(self) -> None:
        """Give the study back."""
        with self._engine.begin() as connection:
            connection.execute(
                sa.delete(_LEASES).where(self._is_ours, _LEASES.c.holder == self._holder)
            )

    @property
    def _is_ours(self) -> sa.ColumnElement[bool]:
        return _LEASES.c.study_name == self._study_name

    def _insert(self) -> bool:
        row = {"study_name": self._study_name, "holder": self._holder, "beat": 0}
        try:
            with self._engine.begin() as connection:
                connection.execute(sa.insert(_LEASES).values(row))
        except sa.exc.IntegrityError:
            return False
        return True

    def _take_over(self, patience_s: float) -> None:
        seen = self._read()
        deadline_s = time.monotonic() + patience_s
        while time.monotonic() < deadline_s and not (seen and _died_here(seen[0])):
            time.sleep(min(0.5, patience_s / 4))
            now = self._read()
            if now is None:
                break
            if now != seen:
                raise self._refusal(now[0])
        if seen is not None and self._swap(*seen):
            return
        if not self._insert():
            found = self._read()
            raise self._refusal(found[0] if found else "another driver")

    def _read(self) -> tuple[str, int] | None:
        with self._engine.connect() as connection:
            query = sa.select(_LEASES.c.holder, _LEASES.c.beat).where(self._is_ours)
            row = connection.execute(query).first()
            return None if row is None else (row.holder, row.beat)

    def _swap(self, holder: str, beat: int) -> bool:
        is_unchanged = sa.and_(_LEASES.c.holder == holder, _LEASES.c.beat == beat)
        return self._update(is_unchanged, holder=self._holder, beat=beat + 1)

    def _update(self, condition: sa.ColumnElement[bool], **values: object) -> bool:
        with self._engine.begin() as connection:
            update = sa.update(_LEASES).where(self._is_ours, condition).values(**values)
            return bool(connection.execute(update).rowcount)

    def _refusal(self, holder: str) -> RunFolderError:
        return RunFolderError(
            f"another search writes the study '{self._study_name}' in the database: {holder}; "
            "wait for it or end it, then resume"
        )


def _died_here(holder: str) -> bool:
    """Say whether a holder was a process of this machine that is no more."""
    if not holder.startswith(_HERE):
        return False
    try:
        os.kill(int(holder.removeprefix(_HERE).split()[0]), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, ValueError):
        pass
    return False
