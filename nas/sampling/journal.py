"""The durable record of a study: an Optuna journal file, appended in batches.

Optuna's own storage writes each parameter and attribute as a transaction of its own (14 to 440 ms
a trial). Here a start and a finish are a few lines of the same format, gathered by a thread and
written with one fsync for all that waited; a trial counts as done only when `acknowledged` returns
it. Readers (`optuna-dashboard`, `optuna.load_study`) see an ordinary journal; a test holds the two
equal. A line cut by a crash is dropped when the file is opened again.
"""

import queue
import threading
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from nas.architecture import Architecture
from nas.errors import RunFolderError
from nas.objective import Direction, Objective, losses
from nas.trial import Failure, FailureKind, TrialRecord, TrialState

# Optuna's JournalOperation codes; files of older versions stay readable, so they do not change.
_CREATE_STUDY, _CREATE_TRIAL, _STATE_VALUES, _USER_ATTR = 0, 4, 6, 8
_OPTUNA_STATES = {
    TrialState.RUNNING: OptunaState.RUNNING,
    TrialState.COMPLETE: OptunaState.COMPLETE,
    TrialState.STOPPED: OptunaState.PRUNED,
    TrialState.FAILED: OptunaState.FAIL,
}
_STATES = {ours: state for state, ours in _OPTUNA_STATES.items()}
_BOOKKEEPING = {"architecture_id", "budget", "failure_kind", "failure", "traceback"}


class StudyJournal:
    """Appends trials to `study.journal`.

    Args:
        path: the file; made with its study where it is absent.
        name: the study's name.
        objectives: in the order of the study's directions.
        distributions: of every parameter of the space.

    Raises:
        RunFolderError: the file holds another study.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str,
        objectives: Sequence[Objective],
        distributions: Mapping[str, BaseDistribution],
    ) -> None:
        self._objectives = tuple(objectives)
        self._distributions = dict(distributions)
        self._as_json = {n: distribution_to_json(d) for n, d in distributions.items()}
        self._worker = f"{uuid.uuid4()}-0"
        path.parent.mkdir(parents=True, exist_ok=True)
        _drop_torn_line(path)
        _drop_stale_lock(path)
        self._backend = JournalFileBackend(str(path))
        self._open_study(path, name)
        self._events: queue.SimpleQueue[tuple[list[dict[str, Any]], TrialRecord | None] | None]
        self._events = queue.SimpleQueue()
        self._written: queue.SimpleQueue[TrialRecord] = queue.SimpleQueue()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._write, name="study-journal", daemon=True)
        self._thread.start()

    def started(self, record: TrialRecord) -> None:
        """Note that a trial runs; trials must come in the order of their numbers."""
        self._events.put(([self._creation(record)], None))

    def finished(self, record: TrialRecord) -> None:
        """Note a trial's end; `acknowledged` returns it once it is on disk."""
        self._events.put((self._ending(record), record))

    def acknowledged(self) -> list[TrialRecord]:
        """Return the trials whose end came to disk since the last call.

        Raises:
            RunFolderError: the file could not be written; everything acknowledged is safe.
        """
        done = []
        while not self._written.empty():
            done.append(self._written.get())
        if self._error is not None:
            raise RunFolderError(
                f"the record of trials could not be written ({self._error}); free the disk and "
                "resume: everything acknowledged so far is safe"
            ) from self._error
        return done

    def close(self) -> list[TrialRecord]:
        """Write what waits, and return the trials whose end came to disk by that."""
        if self._thread.is_alive():
            self._events.put(None)
            self._thread.join()
        return self.acknowledged()

    def _open_study(self, path: Path, name: str) -> None:
        known = optuna.get_all_study_names(JournalStorage(JournalFileBackend(str(path))))
        if known and known != [name]:
            raise RunFolderError(f"{path} holds the study {known}, not '{name}'")
        if not known:
            directions = [_optuna_direction(o.direction).value for o in self._objectives]
            log = {"study_name": name, "directions": directions}
            self._backend.append_logs([self._entry(_CREATE_STUDY, log)])

    def _write(self) -> None:
        closing = False
        while not closing:
            batch = [self._events.get()]
            while not self._events.empty():
                batch.append(self._events.get())
            closing = None in batch
            events = [event for event in batch if event is not None]
            try:
                self._backend.append_logs([line for lines, _ in events for line in lines])
            except OSError as error:
                self._error = error
                return
            for _, record in events:
                if record is not None:
                    self._written.put(record)

    def _entry(self, operation: int, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {"op_code": operation, "worker_id": self._worker, **fields}

    def _creation(self, record: TrialRecord) -> dict[str, Any]:
        params = {
            name: self._distributions[name].to_internal_repr(value)
            for name, value in record.architecture.items()
        }
        fields = {
            "study_id": 0,
            "datetime_start": _as_iso(record.started_s),
            "state": OptunaState.RUNNING.value,
            "value": None,
            "values": None,
            "distributions": {name: self._as_json[name] for name in params},
            "params": params,
            "user_attrs": {"architecture_id": record.architecture.id, **record.metrics},
            "system_attrs": {},
            "intermediate_values": {},
        }
        return self._entry(_CREATE_TRIAL, fields)

    def _ending(self, record: TrialRecord) -> list[dict[str, Any]]:
        attrs: dict[str, Any] = {**record.metrics, "seconds": record.seconds}
        attrs["budget"] = record.budget
        if record.failure is not None:
            attrs["failure_kind"] = record.failure.kind.value
            attrs["failure"] = record.failure.message
            attrs["traceback"] = record.failure.traceback
        lines = [
            self._entry(_USER_ATTR, {"trial_id": record.number, "user_attr": {key: value}})
            for key, value in attrs.items()
        ]
        ending = {
            "trial_id": record.number,
            "state": _OPTUNA_STATES[record.state].value,
            "values": optuna_values(record, self._objectives),
            "datetime_complete": _as_iso(record.finished_s or 0.0),
        }
        return [*lines, self._entry(_STATE_VALUES, ending)]


def optuna_values(record: TrialRecord, objectives: Sequence[Objective]) -> list[float] | None:
    """Return the objectives' values of a complete trial in the study's order, else None."""
    if record.state is not TrialState.COMPLETE or losses(objectives, record.metrics) is None:
        return None
    return [float(record.metrics[objective.metric]) for objective in objectives]


def load_records(path: Path) -> list[TrialRecord]:
    """Read every trial of a study journal, in order of number; a torn last line is left out.

    Raises:
        RunFolderError: there is no such file, or it holds no study.
    """
    if not path.is_file():
        raise RunFolderError(f"there is no {path}; is it the folder of a run?")
    storage = JournalStorage(JournalFileBackend(str(path)))
    names = optuna.get_all_study_names(storage)
    if not names:
        raise RunFolderError(f"{path} holds no study")
    study = optuna.load_study(study_name=names[0], storage=storage)
    return [_as_record(trial) for trial in study.get_trials(deepcopy=False)]


def _as_record(trial: FrozenTrial) -> TrialRecord:
    attrs = trial.user_attrs
    kind = attrs.get("failure_kind")
    failure = (
        Failure(FailureKind(kind), attrs.get("failure", ""), attrs.get("traceback", ""))
        if kind
        else None
    )
    return TrialRecord(
        number=trial.number,
        architecture=Architecture(trial.params),
        state=_STATES.get(trial.state, TrialState.RUNNING),
        metrics={
            name: float(value)
            for name, value in attrs.items()
            if isinstance(value, int | float) and name not in _BOOKKEEPING
        },
        seconds=float(attrs.get("seconds", 0.0)),
        budget=float(attrs.get("budget", 1.0)),
        failure=failure,
        started_s=trial.datetime_start.timestamp() if trial.datetime_start else 0.0,
        finished_s=trial.datetime_complete.timestamp() if trial.datetime_complete else None,
    )


def _optuna_direction(direction: Direction) -> StudyDirection:
    return StudyDirection[direction.name]


def _as_iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="microseconds")


def _drop_torn_line(path: Path) -> None:
    """Cut what follows the last line end: a write that a crash interrupted."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole != len(content):
            file.truncate(whole)


def _drop_stale_lock(path: Path) -> None:
    """Remove the lock that a killed driver left; Optuna would wait 30 s for it.

    Only the driver that holds the run's lease opens a journal to append to it.
    """
    path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
