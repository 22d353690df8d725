"""A study's copy in a database, for dashboards and for resuming on another machine.

Written behind by a thread, in batches: the search never waits for it. While the database is away
the latest state of each trial waits in memory; what is missing at the end is brought by the next
resume, because opening a mirror compares it with the record. The journal stays the truth.
"""

import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import sqlalchemy as sa
from optuna.distributions import BaseDistribution
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage

from nas.errors import RunFolderError
from nas.objective import Objective
from nas.study.database import StudyTables, close_storage
from nas.study.journal import RecordedStudy
from nas.study.lease import BEAT_EVERY_S, DatabaseLease
from nas.study.optuna_trial import OPTUNA_STATES
from nas.trial import TrialRecord, TrialState

_LOG = logging.getLogger(__name__)

FLUSH_EVERY_S = 0.3
MAX_BATCH = 200
# Between attempts while the database is away.
RETRY_S = 1.0

_AWAY = (sa.exc.SQLAlchemyError, StorageInternalError)


class StudyMirror:
    """Follows a study in a database.

    Args:
        storage: an open storage; closed at the end.
        lease: the right to write the study; given back at the end.
        name: the study's name; made where it is absent.
        objectives: in the order of the study's directions.
        distributions: of every parameter of the space.
        history: the study on record; trials that the database lacks are written there.
        files: small text files that a resume elsewhere needs.

    Raises:
        RunFolderError: the study in the database has other directions.
    """

    def __init__(
        self,
        storage: RDBStorage,
        lease: DatabaseLease,
        *,
        name: str,
        objectives: Sequence[Objective],
        distributions: Mapping[str, BaseDistribution],
        history: RecordedStudy,
        files: Mapping[str, str] | None = None,
    ) -> None:
        self._storage = storage
        self._lease = lease
        self._tables = StudyTables(
            storage, name=name, objectives=objectives, distributions=distributions
        )
        self._name = name
        self._lock = threading.Lock()
        self._trials: dict[int, TrialRecord] = {}
        self._notes: dict[str, Any] = dict(history.notes)
        self._tables.keep_files(files or {})
        self._tables.correct_starts(history.records)
        there = self._tables.states()
        for record in history.records:
            is_paused = record.state is TrialState.RUNNING and bool(record.rungs)
            if there.get(record.number) is not OPTUNA_STATES[record.state] or is_paused:
                self._trials[record.number] = record
        self._is_away = self._is_taken = False
        self._closing = threading.Event()
        self._give_up_s = float("inf")
        self._thread = threading.Thread(target=self._follow, name="study-mirror", daemon=True)
        self._thread.start()

    def started(self, record: TrialRecord) -> None:
        """Note that a trial runs."""
        with self._lock:
            self._trials[record.number] = record

    def finished(self, record: TrialRecord) -> None:
        """Note a trial's end."""
        self.started(record)

    def noted(self, key: str, value: Any) -> None:
        """Keep what the sampler noted with the study."""
        with self._lock:
            self._notes[key] = value

    def check(self) -> None:
        """Make sure that the study is still ours.

        Raises:
            RunFolderError: another driver took it over, because this one was silent for too long.
        """
        if self._is_taken:
            raise RunFolderError(
                f"another driver took over the study '{self._name}' in the database while this "
                "one could not reach it; resume from there"
            )

    def close(self, *, patience_s: float) -> None:
        """Bring over what waits, and give the study back; an absent database is waited for."""
        self._give_up_s = time.monotonic() + patience_s
        self._closing.set()
        self._thread.join()
        close_storage(self._storage)
        if self._trials:
            _LOG.warning(
                "%d trials are not in the database, which does not answer; they are safe in the "
                "run folder, and the next resume brings them over",
                len(self._trials),
            )

    def _follow(self) -> None:
        beaten_s = time.monotonic()
        while True:
            is_last = self._closing.wait(RETRY_S if self._is_away else FLUSH_EVERY_S)
            try:
                if time.monotonic() - beaten_s > BEAT_EVERY_S:
                    self._is_taken = self._is_taken or not self._lease.beat()
                    beaten_s = time.monotonic()
                if self._is_taken:
                    return
                self._flush()
                if is_last and not self._trials:
                    self._lease.release()
                    return
            except _AWAY as error:
                self._note_away(error)
                if is_last:
                    if time.monotonic() > self._give_up_s:
                        return
                    time.sleep(RETRY_S)
            else:
                self._is_away = False

    def _flush(self) -> None:
        with self._lock:
            batch = dict(islice(self._trials.items(), MAX_BATCH))
            notes = dict(self._notes)
        if batch:
            self._tables.write(batch.values())
        if notes:
            self._tables.note(notes)
        with self._lock:
            _forget(self._trials, batch.items())
            _forget(self._notes, notes.items())

    def _note_away(self, error: Exception) -> None:
        if not self._is_away:
            line = str(error.__cause__ or error).strip().splitlines()[0]
            _LOG.warning("the database does not answer, the search goes on: %s", line)
        self._is_away = True


def _forget(waiting: dict[Any, Any], written: Iterable[tuple[Any, Any]]) -> None:
    """Drop what was written, unless it has changed since."""
    for key, value in written:
        if waiting.get(key) is value:
            del waiting[key]
