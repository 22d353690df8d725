"""The durable record of a study: an Optuna journal file, appended in batches.

Optuna's own storage writes each parameter and attribute as a transaction of its own (14 to 440 ms
a trial). Here a start and a finish are a few lines of the same format, gathered by a thread and
written with one fsync for all that waited; a trial counts as done only when `acknowledged` returns
it. Readers (`optuna-dashboard`, `optuna.load_study`) see an ordinary journal; a test holds the two
equal. A line cut by a crash is dropped when the file is opened again.
"""

import contextlib
import json
import os
import queue
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import TrialState as OptunaState

from nas.errors import RunFolderError
from nas.objective import Objective
from nas.sampling.optuna_trial import (
    OPTUNA_STATES,
    as_record,
    attributes_at_end,
    attributes_at_start,
    optuna_values,
)
from nas.trial import TrialRecord, TrialState

# Optuna's JournalOperation codes; files of older versions stay readable, so they do not change.
_CREATE_STUDY, _STUDY_NOTE, _CREATE_TRIAL, _STATE_VALUES, _USER_ATTR = 0, 3, 4, 6, 8

# An fsync and a lock cost milliseconds, so that what comes within this time shares them.
FLUSH_EVERY_S = 0.05
# What the writer thread is given: lines, and the records that are done when they are on disk.
_Event = tuple[list[dict[str, Any]], tuple[TrialRecord, ...]]


@dataclass(frozen=True)
class History:
    """A study as it was recorded.

    Attributes:
        records: all trials, in order of number.
        notes: what the sampler noted with the study.
    """

    records: Sequence[TrialRecord] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)


class StudyJournal:
    """Appends trials to `study.journal`.

    Args:
        path: the file; made with its study where it is absent.
        name: the study's name.
        objectives: in the order of the study's directions.
        distributions: of every parameter of the space.

    Raises:
        RunFolderError: the file holds another study, or cannot be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str,
        objectives: Sequence[Objective],
        distributions: Mapping[str, BaseDistribution],
    ) -> None:
        self._path = path
        self._objectives = tuple(objectives)
        self._distributions = dict(distributions)
        self._as_json = {n: distribution_to_json(d) for n, d in distributions.items()}
        self._worker = f"{uuid.uuid4()}-0"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _drop_torn_line(path)
            _drop_stale_lock(path)
            self._backend = JournalFileBackend(str(path))
            self._open_study(path, name)
        except OSError as error:
            raise _unwritable(error) from error
        self._events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._written: queue.SimpleQueue[TrialRecord] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._error: Exception | None = None
        self._at_start: dict[int, Mapping[str, Any]] = {}
        self._thread = threading.Thread(target=self._write, name="study-journal", daemon=True)
        self._thread.start()

    def started(self, record: TrialRecord) -> None:
        """Note that a trial runs; trials must come in the order of their numbers."""
        self._at_start[record.number] = attributes_at_start(record)
        self._events.put(([self._creation(record)], ()))

    def finished(self, record: TrialRecord, variants: Sequence[TrialRecord] = ()) -> None:
        """Note a trial's end, and its variants; `acknowledged` returns them once all are on disk.

        The variants come first: a trial that has ended on record has all of them there.
        """
        lines = [self._whole(variant) for variant in variants]
        self._events.put(([*lines, *self._ending(record)], (record, *variants)))

    def noted(self, key: str, value: Any) -> None:
        """Keep what the sampler noted with the study."""
        note = {"study_id": 0, "system_attr": {key: value}}
        self._events.put(([self._entry(_STUDY_NOTE, note)], ()))

    def copy(self, history: History) -> None:
        """Write down a study that was recorded elsewhere; none of it is acknowledged again."""
        for key, value in history.notes.items():
            self.noted(key, value)
        for record in history.records:
            if record.parent is not None:
                self._events.put(([self._whole(record)], ()))
                continue
            self._at_start[record.number] = attributes_at_start(record)
            self._events.put(([self._creation(record)], ()))
            if record.state is not TrialState.RUNNING:
                self._events.put((self._ending(record), ()))

    def acknowledged(self) -> list[TrialRecord]:
        """Return the trials whose end came to disk since the last call.

        Raises:
            RunFolderError: the file could not be written; everything acknowledged is safe.
        """
        done = []
        while not self._written.empty():
            done.append(self._written.get())
        if self._error is not None and not done:
            if isinstance(self._error, OSError):
                raise _unwritable(self._error) from self._error
            raise self._error
        return done

    def close(self) -> list[TrialRecord]:
        """Write what waits, and return the trials whose end came to disk by that.

        Raises:
            RunFolderError: the file could not be written; everything acknowledged is safe.
        """
        self._closing.set()
        self._thread.join()
        return self.acknowledged()

    def _open_study(self, path: Path, name: str) -> None:
        with path.open("rb") as file:
            first = file.readline()
        if not first:
            directions = [_optuna_direction(objective).value for objective in self._objectives]
            log = {"study_name": name, "directions": directions}
            self._backend.append_logs([self._entry(_CREATE_STUDY, log)])
            return
        known = json.loads(first).get("study_name")
        if known != name:
            raise RunFolderError(
                f"{path} holds the study '{known}', not '{name}'; a run folder keeps its name: "
                f"rename it back to '{known}'"
            )

    def _write(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._closing.wait(FLUSH_EVERY_S)
            events = []
            while not self._events.empty():
                events.append(self._events.get())
            if not events:
                continue
            try:
                self._backend.append_logs([line for lines, _ in events for line in lines])
            except Exception as error:  # noqa: BLE001 - raised again by `acknowledged`
                self._error = error
                with contextlib.suppress(OSError):
                    _drop_torn_line(self._path)
                return
            for _, records in events:
                for record in records:
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
            "user_attrs": self._at_start.get(record.number, {}),
            "system_attrs": dict(record.sampler_notes),
            "intermediate_values": {},
        }
        return self._entry(_CREATE_TRIAL, fields)

    def _whole(self, record: TrialRecord) -> dict[str, Any]:
        """Return the one line of a variant, which never runs: it is there or it is not."""
        ending = {
            "state": OPTUNA_STATES[record.state].value,
            "values": optuna_values(record, self._objectives),
            "datetime_complete": _as_iso(record.finished_s or 0.0),
            "user_attrs": {**attributes_at_start(record), **attributes_at_end(record)},
        }
        return {**self._creation(record), **ending}

    def _ending(self, record: TrialRecord) -> list[dict[str, Any]]:
        known = self._at_start.pop(record.number, {})
        lines = [
            self._entry(_USER_ATTR, {"trial_id": record.number, "user_attr": {key: value}})
            for key, value in attributes_at_end(record).items()
            if key not in known or known[key] != value
        ]
        ending = {
            "trial_id": record.number,
            "state": OPTUNA_STATES[record.state].value,
            "values": optuna_values(record, self._objectives),
            "datetime_complete": _as_iso(record.finished_s or 0.0),
        }
        return [*lines, self._entry(_STATE_VALUES, ending)]


def load_records(path: Path) -> list[TrialRecord]:
    """Read every trial of a study journal, in order of number; a torn last line is left out.

    Raises:
        RunFolderError: there is no such file, or it holds no study.
    """
    return list(load_history(path).records)


def holds_study(path: Path) -> bool:
    """Say whether a journal was begun: a crash may come before its first line is whole."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.readline().endswith(b"\n")


def load_history(path: Path) -> History:
    """Read a study journal; a torn last line is left out.

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
    notes = storage.get_study_system_attrs(study._study_id)
    return History([as_record(trial) for trial in study.get_trials(deepcopy=False)], notes)


def _unwritable(error: OSError) -> RunFolderError:
    return RunFolderError(
        f"the record of trials could not be written ({error}); free the disk and resume: "
        "everything acknowledged so far is safe"
    )


def _optuna_direction(objective: Objective) -> StudyDirection:
    return StudyDirection[objective.direction.name]


def _as_iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="microseconds")


def _drop_torn_line(path: Path) -> None:
    """Cut what follows the last line end: a write that a crash or a full disk interrupted."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        whole = end
        while whole > 0:
            start = max(0, whole - 65536)
            file.seek(start)
            newline = file.read(whole - start).rfind(b"\n")
            if newline >= 0:
                whole = start + newline + 1
                break
            whole = start
        if whole != end:
            file.truncate(whole)


def _drop_stale_lock(path: Path) -> None:
    """Remove the lock that a killed driver left; Optuna would wait 30 s for it.

    Only the driver that holds the run's lease opens a journal to append to it.
    """
    path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
