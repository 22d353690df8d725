"""The durable record of a study: an Optuna journal file, appended in batches.

Optuna's own storage writes each parameter and attribute as a transaction of its own (14 to 440 ms
a trial). Here a start and a finish are a few lines of the same format, gathered by a thread and
written with one fsync for all that waited; a trial counts as done only when `acknowledged` returns
it. Readers (`optuna-dashboard`, `optuna.load_study`) see an ordinary journal; a test holds the two
equal. A line cut by a crash is dropped when the file is opened again.
"""

import contextlib
import json
import queue
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import TrialState as OptunaState

from nas.errors import RunFolderError
from nas.objective import Objective
from nas.study.journal_file import (
    check_is_file,
    damaged,
    drop_stale_lock,
    drop_torn_line,
    lines_of,
    unwritable,
    whole_lines,
)
from nas.study.journal_lines import (
    CREATE_STUDY,
    CREATE_TRIAL,
    STATE_VALUES,
    STUDY_NOTE,
    USER_ATTR,
    JournalReplay,
    LineFault,
)
from nas.study.optuna_trial import (
    OPTUNA_STATES,
    attributes_at_end,
    attributes_at_start,
    optuna_values,
    rung_attribute,
)
from nas.trial import TrialRecord, TrialState

# An fsync and a lock cost milliseconds, so that what comes within this time shares them.
FLUSH_EVERY_S = 0.05
# The longest that anybody waits for the disk before going on.
SETTLE_S = 60.0
# What the writer thread is given: lines, and the records that are done when they are on disk.
_Event = tuple[list[dict[str, Any]], tuple[TrialRecord, ...]]


@dataclass(frozen=True)
class RecordedStudy:
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
            check_is_file(path)
            drop_torn_line(path)
            drop_stale_lock(path)
            self._backend = JournalFileBackend(str(path))
            self._open_study(path, name)
        except OSError as error:
            raise unwritable(error) from error
        self._events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._written: queue.SimpleQueue[TrialRecord] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._hurry = threading.Event()  # somebody waits for what is not written yet
        self._num_told = self._num_on_disk = 0
        self._on_disk = threading.Condition()
        self._error: Exception | None = None
        self._at_start: dict[int, dict[str, Any]] = {}
        self._thread = threading.Thread(target=self._write, name="study-journal", daemon=True)
        self._thread.start()

    def started(self, record: TrialRecord) -> None:
        """Note that a trial runs; trials must come in the order of their numbers."""
        self._at_start[record.number] = attributes_at_start(record)
        self._tell([self._creation(record)])

    def reached(self, record: TrialRecord) -> None:
        """Note the last rung of a trial that runs; `acknowledged` returns it once on disk."""
        attribute = rung_attribute(record.rungs[-1])
        known = self._at_start.get(record.number, {})  # a line that waits may hold it
        self._at_start[record.number] = {**known, **attribute}
        self._tell([self._attribute(record.number, attribute)], (record,))

    def finished(self, record: TrialRecord, variants: Sequence[TrialRecord] = ()) -> None:
        """Note a trial's end, and its variants; `acknowledged` returns them once all are on disk.

        The variants come first, so that every trial that has ended on record has all its variants.
        """
        lines = [self._whole(variant) for variant in variants]
        self._tell([*lines, *self._ending(record)], (record, *variants))

    def noted(self, key: str, value: Any) -> None:
        """Keep what the sampler noted with the study."""
        note = {"study_id": 0, "system_attr": {key: value}}
        self._tell([self._entry(STUDY_NOTE, note)])

    def copy(self, history: RecordedStudy) -> None:
        """Write down a study that is recorded elsewhere; its trials are not acknowledged again."""
        for key, value in history.notes.items():
            self.noted(key, value)
        for record in history.records:
            if record.parent is not None:
                self._tell([self._whole(record)])
                continue
            self._at_start[record.number] = attributes_at_start(record)
            self._tell([self._creation(record)])
            if record.state is not TrialState.RUNNING:
                self._tell(self._ending(record))

    def acknowledged(self) -> list[TrialRecord]:
        """Return the trials whose end, or a rung of which, came to disk since the last call.

        Raises:
            RunFolderError: the file could not be written; everything acknowledged is safe.
        """
        done = []
        while not self._written.empty():
            done.append(self._written.get())
        if self._error is not None and not done:
            if isinstance(self._error, OSError):
                raise unwritable(self._error) from self._error
            raise self._error
        return done

    def settle(self) -> None:
        """Wait until all results are on disk; failures to write are raised elsewhere."""
        with self._on_disk:
            wanted = self._num_told
            if self._num_on_disk >= wanted:
                return
            self._hurry.set()
            self._on_disk.wait_for(
                lambda: self._num_on_disk >= wanted or not self._thread.is_alive(), SETTLE_S
            )

    def close(self) -> list[TrialRecord]:
        """Write what waits, and return the trials whose end came to disk by that.

        Raises:
            RunFolderError: the file could not be written; everything acknowledged is safe.
        """
        self._closing.set()
        self._hurry.set()
        self._thread.join()
        return self.acknowledged()

    def _tell(self, lines: list[dict[str, Any]], records: tuple[TrialRecord, ...] = ()) -> None:
        self._num_told += 1
        self._events.put((lines, records))

    def _open_study(self, path: Path, name: str) -> None:
        with path.open("rb") as file:
            first = file.readline()
        if not first:
            directions = [_optuna_direction(objective).value for objective in self._objectives]
            log = {"study_name": name, "directions": directions}
            self._backend.append_logs([self._entry(CREATE_STUDY, log)])
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
            self._hurry.wait(FLUSH_EVERY_S)
            self._hurry.clear()
            is_last = self._closing.is_set()
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
                    drop_torn_line(self._path)
                return
            for _, records in events:
                for record in records:
                    self._written.put(record)
            with self._on_disk:
                self._num_on_disk += len(events)
                self._on_disk.notify_all()

    def _entry(self, operation: int, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {"op_code": operation, "worker_id": self._worker, **fields}

    def _creation(self, record: TrialRecord) -> dict[str, Any]:
        params = {
            name: self._distributions[name].to_internal_repr(value)
            for name, value in record.architecture.items()
        }
        fields = {
            "study_id": 0,
            "trial_id": record.number,  # Optuna counts; a reader sees where a line is missing
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
        return self._entry(CREATE_TRIAL, fields)

    def _whole(self, record: TrialRecord) -> dict[str, Any]:
        """Return the one line of a variant, which never runs: it is there or it is not."""
        ending = {
            "state": OPTUNA_STATES[record.state].value,
            "values": optuna_values(record, self._objectives),
            "datetime_complete": _as_iso(record.finished_s or 0.0),
            "user_attrs": {**attributes_at_start(record), **attributes_at_end(record)},
        }
        return {**self._creation(record), **ending}

    def _attribute(self, number: int, attribute: Mapping[str, Any]) -> dict[str, Any]:
        return self._entry(USER_ATTR, {"trial_id": number, "user_attr": dict(attribute)})

    def _ending(self, record: TrialRecord) -> list[dict[str, Any]]:
        known = self._at_start.pop(record.number, {})
        lines = [
            self._attribute(record.number, {key: value})
            for key, value in attributes_at_end(record).items()
            if key not in known or known[key] != value
        ]
        ending = {
            "trial_id": record.number,
            "state": OPTUNA_STATES[record.state].value,
            "values": optuna_values(record, self._objectives),
            "datetime_complete": _as_iso(record.finished_s or 0.0),
        }
        return [*lines, self._entry(STATE_VALUES, ending)]


def load_records(path: Path) -> list[TrialRecord]:
    """Read every trial of a study journal, in order of number; a torn last line is left out.

    Raises:
        RunFolderError: there is no such file, or it holds no study.
    """
    return list(load_study(path).records)


def holds_study(path: Path) -> bool:
    """Say whether a journal was begun: a crash may come before its first line is whole.

    Raises:
        RunFolderError: something else than a file stands there, or its one line is no cut one.
    """
    check_is_file(path)
    return path.exists() and bool(whole_lines(path))


def load_study(path: Path) -> RecordedStudy:
    """Read a study journal; a torn last line is left out.

    Raises:
        RunFolderError: there is no such file, it holds no study, or a line is damaged.
    """
    check_is_file(path)
    if not path.is_file():
        raise RunFolderError(f"there is no {path}; is it the folder of a run?")
    replay = JournalReplay()
    for number, line in enumerate(lines_of(whole_lines(path)), start=1):
        try:
            replay.apply(line)
        except LineFault as fault:
            raise damaged(path, number, fault) from fault
    if not replay.has_study:
        raise RunFolderError(f"{path} holds no study")
    return RecordedStudy(_records(path, replay), replay.notes)


def _records(path: Path, replay: JournalReplay) -> list[TrialRecord]:
    records: list[TrialRecord] = []
    try:
        records.extend(replay.records())
    except (ValueError, TypeError, OverflowError, OSError) as error:
        line = replay.start_of(len(records))
        raise damaged(path, line, LineFault(f"its trial cannot be read: {error}")) from error
    return records


def _optuna_direction(objective: Objective) -> StudyDirection:
    return StudyDirection[objective.direction.name]


def _as_iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="microseconds")
