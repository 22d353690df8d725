"""A study's tables in a database: read the whole study, write many trials in one transaction.

Optuna's calls write each parameter and attribute as a transaction of its own (25 to 45 ms a trial
on SQLite and PostgreSQL); here fifty trials take one (0.25 to 0.8 ms each). The tables are
Optuna's own, so that its dashboard and `optuna.load_study` see an ordinary study; a test holds
what is written here equal to what Optuna writes. Only the driver writes, never a worker.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.study import StudyDirection
from optuna.trial import TrialState as OptunaState

from nas.errors import ConfigError, MissingPackageError, RunFolderError
from nas.objective import Objective
from nas.secrets import masked, masked_url
from nas.study.database_race import made_by_another
from nas.study.database_url import is_login_fault, login_url, password_advice
from nas.study.journal import RecordedStudy
from nas.study.optuna_trial import (
    OPTUNA_STATES,
    as_record,
    attributes_at_end,
    attributes_at_start,
    optuna_values,
    rung_attribute,
)
from nas.trial import TrialRecord, TrialState

# How long a writer waits for another one's lock on a SQLite file.
SQLITE_TIMEOUT_S = 10.0
# The sampler's notes name trials by number, Optuna's own by database id: they must not mix.
NOTE_PREFIX = "nas:note:"
FILE_PREFIX = "nas:file:"

_TRIALS = models.TrialModel.__table__
_PARAMS = models.TrialParamModel.__table__
_VALUES = models.TrialValueModel.__table__
_ATTRS = models.TrialUserAttributeModel.__table__
_NOTES = models.TrialSystemAttributeModel.__table__


def open_storage(url: str) -> RDBStorage:
    """Connect, and make Optuna's tables where they are absent.

    A password that the URL lacks is looked for where `nas.study.database_url` says.

    Raises:
        ConfigError: the URL is wrong or the database does not answer.
        MissingPackageError: the driver of that kind of database is not installed.
    """
    told = masked_url(url)
    try:
        options: dict[str, Any] = {"pool_pre_ping": True}
        if url.startswith("sqlite"):
            options["connect_args"] = {"timeout": SQLITE_TIMEOUT_S}
        return made_by_another(lambda: RDBStorage(login_url(url), engine_kwargs=options))
    except ImportError as error:
        raise MissingPackageError(
            f"storage.url={told} needs a package that is not installed "
            f"({error.__cause__ or error}); pip install 'nas[database]'"
        ) from error
    except (sa.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError, ValueError) as error:
        cause = masked(" ".join(str(error.__cause__ or error).split()))
        if is_login_fault(cause):
            raise ConfigError(
                f"the database at storage.url={told} refuses the login ({cause}); "
                f"{password_advice(url)}"
            ) from error
        raise ConfigError(
            f"no database answers at storage.url={told} ({cause}); start it, "
            "correct the URL (sqlite:///file.db, postgresql+psycopg://user@host/database), or "
            "leave storage.url null"
        ) from error


def close_storage(storage: RDBStorage) -> None:
    """Close the connections."""
    storage.remove_session()
    storage.engine.dispose()


@contextmanager
def opened(url: str) -> Iterator[RDBStorage]:
    """Open a storage for a while; raises like `open_storage`."""
    storage = open_storage(url)
    try:
        yield storage
    finally:
        close_storage(storage)


class StudyTables:
    """One study in a database.

    Args:
        storage: an open storage.
        name: the study's name; made where it is absent.
        objectives: in the order of the study's directions.
        distributions: of every parameter of the space.

    Raises:
        RunFolderError: the study there has other directions.
    """

    def __init__(
        self,
        storage: RDBStorage,
        *,
        name: str,
        objectives: Sequence[Objective],
        distributions: Mapping[str, BaseDistribution],
    ) -> None:
        self.engine = storage.engine
        self._storage = storage
        self._objectives = tuple(objectives)
        self._distributions = dict(distributions)
        self._as_json = {n: distribution_to_json(d) for n, d in distributions.items()}
        directions = [objective.direction.value for objective in objectives]
        study = made_by_another(
            lambda: optuna.create_study(
                storage=storage,
                study_name=name,
                directions=[StudyDirection[direction.upper()] for direction in directions],
                load_if_exists=True,
            )
        )
        found = [direction.name.lower() for direction in study.directions]
        if found != directions:
            raise RunFolderError(
                f"the database holds a study '{name}' with the directions {found}, not "
                f"{directions}; choose another name=..."
            )
        self._study_id = study._study_id

    def states(self) -> dict[int, OptunaState]:
        """Return number -> state of every trial there."""
        query = sa.select(_TRIALS.c.number, _TRIALS.c.state)
        with self.engine.connect() as connection:
            rows = connection.execute(query.where(_TRIALS.c.study_id == self._study_id))
            return {row.number: row.state for row in rows}

    def correct_starts(self, records: Iterable[TrialRecord]) -> None:
        """Make trials that run there what the record says they are; forget those it lacks.

        A driver may die after a start was written here and before it was written to its journal:
        the next one gives the number to another architecture.

        Args:
            records: the whole study.
        """
        known = {record.number: record for record in records}
        query = sa.select(_TRIALS.c.number, _TRIALS.c.trial_id).where(
            _TRIALS.c.study_id == self._study_id, _TRIALS.c.state == OptunaState.RUNNING
        )
        with self.engine.begin() as connection:
            keys = {row.number: row.trial_id for row in connection.execute(query)}
            for table in (_PARAMS, _ATTRS, _NOTES):
                connection.execute(sa.delete(table).where(table.c.trial_id.in_(keys.values())))
            unknown = [key for number, key in keys.items() if number not in known]
            connection.execute(sa.delete(_TRIALS).where(_TRIALS.c.trial_id.in_(unknown)))
            again = [(key, known[number]) for number, key in keys.items() if number in known]
            for key, record in again:
                at = {"datetime_start": _as_utc(record.started_s)}
                connection.execute(sa.update(_TRIALS).where(_TRIALS.c.trial_id == key).values(at))
            self._write_starts(connection, again)

    def write(self, records: Iterable[TrialRecord]) -> None:
        """Bring trials to the state of their records, all or none; what has ended stays.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database does not answer, or refuses.
        """
        by_number = {record.number: record for record in records}
        with self.engine.begin() as connection:
            there = self._find(connection, by_number)
            new = [record for number, record in by_number.items() if number not in there]
            if new:
                connection.execute(sa.insert(_TRIALS), [self._trial_row(r) for r in new])
                ids = self._find(connection, {r.number: r for r in new})
                self._write_starts(connection, [(ids[r.number][0], r) for r in new])
                there |= ids
            ended = [
                (there[number][0], record)
                for number, record in by_number.items()
                if record.state is not TrialState.RUNNING and not there[number][1].is_finished()
            ]
            if ended:
                self._write_ends(connection, ended)
            self._write_rungs(connection, by_number, there)

    def note(self, notes: Mapping[str, Any]) -> None:
        """Keep what the sampler noted with the study."""
        for key, value in notes.items():
            self._storage.set_study_system_attr(self._study_id, NOTE_PREFIX + key, value)

    def keep_files(self, files: Mapping[str, str]) -> None:
        """Keep small text files of the run folder: what a resume elsewhere needs."""
        for name, text in files.items():
            self._storage.set_study_system_attr(self._study_id, FILE_PREFIX + name, text)

    def _find(
        self, connection: sa.Connection, numbers: Iterable[int]
    ) -> dict[int, tuple[int, OptunaState]]:
        query = sa.select(_TRIALS.c.number, _TRIALS.c.trial_id, _TRIALS.c.state).where(
            _TRIALS.c.study_id == self._study_id, _TRIALS.c.number.in_(list(numbers))
        )
        return {number: (key, state) for number, key, state in connection.execute(query)}

    def _trial_row(self, record: TrialRecord) -> dict[str, Any]:
        return {
            "number": record.number,
            "study_id": self._study_id,
            "state": OptunaState.RUNNING,
            "datetime_start": _as_utc(record.started_s),
        }

    def _write_starts(
        self, connection: sa.Connection, trials: Sequence[tuple[int, TrialRecord]]
    ) -> None:
        params = [
            {
                "trial_id": key,
                "param_name": name,
                "param_value": self._distributions[name].to_internal_repr(value),
                "distribution_json": self._as_json[name],
            }
            for key, record in trials
            for name, value in record.architecture.items()
        ]
        _insert(connection, _PARAMS, params)
        running = [(k, r) for k, r in trials if r.state is TrialState.RUNNING]
        _insert(connection, _ATTRS, _attributes((k, attributes_at_start(r)) for k, r in running))
        _insert(connection, _NOTES, _attributes((k, r.sampler_notes) for k, r in trials))

    def _write_rungs(
        self,
        connection: sa.Connection,
        records: Mapping[int, TrialRecord],
        there: Mapping[int, tuple[int, OptunaState]],
    ) -> None:
        """Bring the rungs of trials that run; each attribute is there once."""
        rungs = {
            (there[number][0], name): value
            for number, record in records.items()
            if record.state is TrialState.RUNNING and not there[number][1].is_finished()
            for rung in record.rungs
            for name, value in rung_attribute(rung).items()
        }
        if not rungs:
            return
        keys = {key for key, _ in rungs}
        query = sa.select(_ATTRS.c.trial_id, _ATTRS.c.key).where(_ATTRS.c.trial_id.in_(keys))
        known = {(row.trial_id, row.key) for row in connection.execute(query)}
        new = [(key, {name: v}) for (key, name), v in rungs.items() if (key, name) not in known]
        _insert(connection, _ATTRS, _attributes(new))

    def _write_ends(
        self, connection: sa.Connection, trials: Sequence[tuple[int, TrialRecord]]
    ) -> None:
        keys = [key for key, _ in trials]
        connection.execute(sa.delete(_ATTRS).where(_ATTRS.c.trial_id.in_(keys)))
        attributes = (
            (key, {**attributes_at_start(record), **attributes_at_end(record)})
            for key, record in trials
        )
        _insert(connection, _ATTRS, _attributes(attributes))
        values = [
            {
                "trial_id": key,
                "objective": index,
                "value": value,
                "value_type": models.TrialValueModel.TrialValueType.FINITE,
            }
            for key, record in trials
            for index, value in enumerate(optuna_values(record, self._objectives) or ())
        ]
        _insert(connection, _VALUES, values)
        update = (
            sa.update(_TRIALS)
            .where(_TRIALS.c.trial_id == sa.bindparam("key"))
            .values(state=sa.bindparam("ended"), datetime_complete=sa.bindparam("at"))
        )
        connection.execute(
            update,
            [
                {"key": key, "ended": OPTUNA_STATES[r.state], "at": _as_utc(r.finished_s or 0.0)}
                for key, r in trials
            ],
        )


def load_from_database(storage: RDBStorage, name: str) -> RecordedStudy | None:
    """Read a study; None if there is none of that name."""
    with suppress(KeyError):
        study = optuna.load_study(study_name=name, storage=storage)
        notes = load_notes(storage, name)
        return RecordedStudy(
            [as_record(trial) for trial in study.get_trials(deepcopy=False)], notes
        )
    return None


def load_files(storage: RDBStorage, name: str) -> dict[str, str]:
    """Return the files of a run that the database keeps; empty if there is no such study."""
    return _attributes_under(FILE_PREFIX, storage, name)


def load_notes(storage: RDBStorage, name: str) -> dict[str, Any]:
    """Return what is noted with a study; empty if there is no such study."""
    return _attributes_under(NOTE_PREFIX, storage, name)


def _attributes_under(prefix: str, storage: RDBStorage, name: str) -> dict[str, Any]:
    with suppress(KeyError):
        attributes = storage.get_study_system_attrs(storage.get_study_id_from_name(name))
        return {
            key.removeprefix(prefix): value
            for key, value in attributes.items()
            if key.startswith(prefix)
        }
    return {}


def _insert(connection: sa.Connection, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(sa.insert(table), list(rows))


def _attributes(trials: Iterable[tuple[int, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {"trial_id": key, "key": name, "value_json": json.dumps(value)}
        for key, attributes in trials
        for name, value in attributes.items()
    ]


def _as_utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC).replace(tzinfo=None)
