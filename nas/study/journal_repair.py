"""Saves what is whole of a damaged study journal.

Every trial keeps its number, since weights and parents name it: where the line that began a trial
is lost, a failed trial without parameters stands in its place. Lines that stand in another order
are put back in order; of a doubled line the first counts.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from optuna.study import StudyDirection
from optuna.trial import TrialState as OptunaState

from nas.errors import RunFolderError
from nas.objective import Objective
from nas.study.journal_file import lines_of
from nas.study.journal_lines import (
    CREATE_STUDY,
    CREATE_TRIAL,
    OF_TRIAL,
    STATE_VALUES,
    USER_ATTR,
    JournalReplay,
    LineFault,
    salvage,
    split_torn,
)
from nas.study.journal_salvage import Item, Salvage, number_in, read_whole, starts_of, study_of
from nas.study.optuna_trial import as_record
from nas.trial import FailureKind

_LOST = "the line that began this trial was lost from the record; nas repair keeps its number"


@dataclass(frozen=True)
class Repair:
    """What was saved of a journal.

    Attributes:
        content: the new file.
        dropped: line number, from 1, and why it is left out; what is whole in a broken
            line stays.
        lost_trials: numbers of trials whose beginning is lost.
        num_trials: trials that are kept, without those.
    """

    content: bytes
    dropped: Sequence[tuple[int, str]]
    lost_trials: Sequence[int]
    num_trials: int


def is_whole(content: bytes) -> bool:
    """Say whether a journal has no damaged line; a torn last one is none."""
    lines, torn = split_torn(content)
    replay = JournalReplay()
    try:
        for line in lines_of(lines):
            replay.apply(line)
        list(replay.records())
    except (LineFault, ValueError, TypeError, OverflowError, OSError):
        return False
    return len(salvage(torn)) <= 1 and replay.has_study


def repaired(content: bytes, *, name: str, objectives: Sequence[Objective]) -> Repair:
    """Return a journal of all that is whole.

    Args:
        content: of the damaged file.
        name: of the study, for a file that lost its first line.
        objectives: of the run, in the order of its values.

    Raises:
        RunFolderError: no line is whole, or no file says what the objectives are.
    """
    found = read_whole(content)
    if not any(item.operation in (CREATE_STUDY, CREATE_TRIAL) for item in found.items):
        raise RunFolderError("no line of study.journal is whole; bring it back from a copy")
    study = study_of(found, name)
    if study is None and not objectives:
        raise RunFolderError(
            "the line of study.journal that begins the study is lost, and config.yaml does not "
            "say what was made better; bring one of them back from a copy"
        )
    return _Writer(found, study or _new_study(name, objectives, found), objectives).repair()


class _Writer:
    """Puts what was found in order, and leaves out what does not fit."""

    def __init__(self, found: Salvage, study: Item, objectives: Sequence[Objective]) -> None:
        self._found, self._study, self._objectives = found, study, objectives
        self._replay = JournalReplay()
        self._lines: list[bytes] = []
        self._lost: list[int] = []

    def repair(self) -> Repair:
        self._put(self._study)
        for item in self._found.items:
            if item.operation not in (CREATE_TRIAL, *OF_TRIAL):
                self._put(item)
        starts = starts_of(self._found, is_readable=self._is_readable)
        self._put_starts(starts)
        self._put_rest(starts)
        return Repair(
            b"".join(line + b"\n" for line in self._lines),
            tuple(sorted(self._found.dropped.items())),
            tuple(self._lost),
            len(self._replay.trials) - len(self._lost),
        )

    def _put(self, item: Item) -> bool:
        try:
            self._replay.apply(item.line)
        except LineFault as fault:
            self._found.dropped.setdefault(item.at, str(fault))
            return False
        self._lines.append(item.line)
        return True

    def _put_starts(self, starts: Mapping[int, Item]) -> None:
        for number in range(1 + max(starts, default=-1)):
            start = starts.get(number)
            if start is None or not self._put(start):
                self._put(_placeholder(number, like=next(iter(starts.values()))))
                self._lost.append(number)

    def _put_rest(self, starts: Mapping[int, Item]) -> None:
        own: dict[int, list[Item]] = {}
        for item in self._found.items:
            if item.operation in OF_TRIAL:
                own.setdefault(number_in(item.entry.get("trial_id")), []).append(item)
        for number, items in own.items():
            if number in self._lost or number not in starts:
                for item in items:
                    why = f"the beginning of trial {number} is lost"
                    self._found.dropped.setdefault(item.at, why)
                continue
            told = _told_by_values(starts[number], items, self._objectives)
            for item in (*told, *_in_order(items)):
                self._put(item)

    def _is_readable(self, start: Item) -> bool:
        """Say whether a trial can be read by itself, whatever else is in the file."""
        replay = JournalReplay()
        replay.apply(self._study.line)
        entry = {key: value for key, value in start.entry.items() if key != "trial_id"}
        try:
            replay.apply(json.dumps(entry).encode())
            as_record(replay.trials[0])
        except LineFault as fault:
            self._found.dropped.setdefault(start.at, str(fault))
            return False
        except (ValueError, TypeError, OverflowError, OSError) as error:
            self._found.dropped.setdefault(start.at, f"its trial cannot be read: {error}")
            return False
        return True


def _in_order(items: Sequence[Item]) -> list[Item]:
    """Return what is known of a trial before its end, the end, and what others said later."""
    ends = [item for item in items if item.operation == STATE_VALUES]
    worker = ends[0].worker if ends else ""
    end = ends[0].at if ends else 0
    others = [item for item in items if item.operation != STATE_VALUES]
    before = [item for item in others if item.worker == worker or item.at < end or not ends]
    return [*before, *ends, *(item for item in others if item not in before)]


def _told_by_values(
    start: Item, items: Sequence[Item], objectives: Sequence[Objective]
) -> list[Item]:
    """Return lines for measured objectives that are left only in the values of a result."""
    known = set(start.entry.get("user_attrs", {}))
    for item in items:
        told = item.entry.get("user_attr")
        known |= set(told) if isinstance(told, dict) else set()
    ends = [item for item in items if item.operation == STATE_VALUES]
    values = ends[0].entry.get("values") if ends else None
    if not isinstance(values, list) or len(values) != len(objectives):
        return []
    same = {key: ends[0].entry[key] for key in ("worker_id", "trial_id")}
    return [
        _item({"op_code": USER_ATTR, **same, "user_attr": {objective.metric: value}})
        for objective, value in zip(objectives, values, strict=True)
        if objective.metric not in known
    ]


def _new_study(name: str, objectives: Sequence[Objective], found: Salvage) -> Item:
    directions = [StudyDirection[objective.direction.name].value for objective in objectives]
    told = {"study_name": name, "directions": directions}
    worker = found.items[0].worker
    return _item({"op_code": CREATE_STUDY, "worker_id": worker, **told})


def _placeholder(number: int, *, like: Item) -> Item:
    time = like.entry.get("datetime_start")
    times = {"datetime_start": time, "datetime_complete": time}
    failure = {"failure_kind": FailureKind.LOST.value, "failure": _LOST}
    return _item(
        {
            "op_code": CREATE_TRIAL,
            "worker_id": like.worker,
            "study_id": 0,
            "trial_id": number,
            **(times if _is_time(time) else {"datetime_start": None}),
            "state": OptunaState.FAIL.value,
            "value": None,
            "values": None,
            "distributions": {},
            "params": {},
            "user_attrs": failure,
            "system_attrs": {},
            "intermediate_values": {},
        }
    )


def _item(entry: Mapping[str, Any]) -> Item:
    return Item(0, entry, json.dumps(entry, separators=(",", ":")).encode())


def _is_time(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False
