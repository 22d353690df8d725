"""Is each line of a study journal whole, and in its place? What the lines say together.

Optuna's own replay does the reading, line by line. It passes over what does not fit (a result of a
trial that never began, a second result) and takes a doubled start for one more trial, which moves
the results of all later trials to other networks; such lines are faults here.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from optuna.distributions import json_to_distribution
from optuna.storages.journal._storage import JournalStorageReplayResult
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from nas.sampling.rungs import RUNG_PREFIX
from nas.study.optuna_trial import as_record, rungs_of
from nas.trial import NO_RELATIVE, FailureKind, TrialRecord

# Optuna's JournalOperation codes; files of older versions stay readable, so they do not change.
CREATE_STUDY, STUDY_USER_NOTE, STUDY_NOTE, CREATE_TRIAL = 0, 2, 3, 4
TRIAL_PARAM, STATE_VALUES, INTERMEDIATE, USER_ATTR, SYSTEM_ATTR = 5, 6, 7, 8, 9
_OF_STUDY = (STUDY_USER_NOTE, STUDY_NOTE, CREATE_TRIAL)
OF_TRIAL = (TRIAL_PARAM, STATE_VALUES, INTERMEDIATE, USER_ATTR, SYSTEM_ATTR)
KNOWN = (CREATE_STUDY, *_OF_STUDY, *OF_TRIAL)

START = b'{"op_code":'  # so begins each line that we write
_TEXTS = ("architecture_id", "failure", "traceback", "variant")
_NUM_SHOWN = 40  # characters of a broken line that a message shows


class LineFault(Exception):  # noqa: N818 - as a user calls it
    """A line that is not whole or not in its place; the text says why."""


def parse_line(line: bytes) -> dict[str, Any]:
    """Return what a line says.

    Raises:
        LineFault: it is no operation in JSON.
    """
    if not line.strip():
        raise LineFault("it is blank")
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:  # also text that is no UTF-8, and huge integers
        raise LineFault(f"it is no JSON: {_shown(line)}") from error
    if not isinstance(entry, dict) or not _is_number(entry.get("op_code")):
        raise LineFault(f"it is no operation: {_shown(line)}")
    if entry["op_code"] not in KNOWN:
        raise LineFault(f"there is no operation {str(entry['op_code'])[:_NUM_SHOWN]}")
    if not isinstance(entry.get("worker_id"), str):
        raise LineFault("it does not say which process wrote it")
    return entry


def salvage(line: bytes) -> list[tuple[dict[str, Any], bytes]]:
    """Return the whole operations inside a broken line: a cut one before it, zeros around it."""
    text, found, place = line.decode("utf-8", errors="replace"), [], 0
    start, decoder = START.decode(), json.JSONDecoder()
    while (place := text.find(start, place)) >= 0:
        try:
            _, end = decoder.raw_decode(text, place)
            part = text[place:end].encode()
            found.append((parse_line(part), part))
            place = end
        except (ValueError, RecursionError, LineFault):
            place += len(start)
    return found


def split_torn(content: bytes) -> tuple[bytes, bytes]:
    """Return the lines, and what follows the last line end: a write that a crash cut short."""
    whole = content.rfind(b"\n") + 1
    return content[:whole], content[whole:]


class JournalReplay:
    """What a journal says, line by line."""

    def __init__(self) -> None:
        self._replay = JournalStorageReplayResult("")
        self._starts: dict[int, int] = {}  # trial -> the line that begins it
        self._begun: set[bytes] = set()
        self._ended_by: dict[int, str] = {}
        self._num_lines = 0

    @property
    def has_study(self) -> bool:
        """Whether the study was begun."""
        return bool(self._replay.get_all_studies())

    @property
    def name(self) -> str:
        """The study's name."""
        return str(self._study.study_name)

    @property
    def num_objectives(self) -> int:
        """How many values a result has."""
        return len(self._study.directions)

    @property
    def notes(self) -> Mapping[str, Any]:
        """What the sampler noted with the study."""
        return dict(self._study.system_attrs)

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials in order of number."""
        return self._replay.get_all_trials(0, None)

    def start_of(self, number: int) -> int:
        """Return the line, from 1, that begins a trial."""
        return self._starts[number]

    def records(self) -> Iterator[TrialRecord]:
        """Give all trials as ours."""
        for trial in self.trials:
            yield as_record(trial)

    def apply(self, line: bytes) -> None:
        """Read one more line; a fault leaves all as it was.

        Raises:
            LineFault: it is not whole, or does not fit what was read before.
        """
        self._num_lines += 1
        entry = parse_line(line)
        operation = entry["op_code"]
        try:
            if operation == CREATE_STUDY:
                self._check_study(entry)
            elif not self.has_study:
                raise LineFault("it stands before the line that begins the study")
            elif operation in _OF_STUDY:
                self._check_of_study(entry, line)
            else:
                self._check_of_trial(entry)
            self._replay.apply_logs([entry])
        except LineFault:
            raise
        except Exception as error:  # whatever Optuna meets in what others wrote
            raise LineFault(
                f"it cannot be read ({type(error).__name__}: {_short(error)})"
            ) from error
        self._remember(entry, line)

    @property
    def _study(self) -> Any:
        return self._replay.get_study(0)

    def _remember(self, entry: Mapping[str, Any], line: bytes) -> None:
        if entry["op_code"] == CREATE_TRIAL:
            self._starts[len(self._starts)] = self._num_lines
            self._begun.add(line)
        if entry["op_code"] == STATE_VALUES and OptunaState(entry["state"]).is_finished():
            self._ended_by.setdefault(entry["trial_id"], entry["worker_id"])

    def _check_study(self, entry: Mapping[str, Any]) -> None:
        name, directions = entry["study_name"], entry["directions"]
        if not isinstance(name, str) or not isinstance(directions, list) or not directions:
            raise LineFault("a study's name is no text, or its directions are missing")
        if self.has_study:
            again = "the study" if name == self.name else f"another study, '{_short(name)}',"
            raise LineFault(f"{again} begins here in the middle of the file")

    def _check_of_study(self, entry: Mapping[str, Any], line: bytes) -> None:
        if not _is_number(entry["study_id"]) or entry["study_id"] != 0:
            raise LineFault(f"it belongs to another study, {_short(entry['study_id'])}")
        if entry["op_code"] != CREATE_TRIAL:
            key = "user_attr" if entry["op_code"] == STUDY_USER_NOTE else "system_attr"
            _check_mapping(entry, key)
            return
        number = len(self._starts)
        if line in self._begun:
            raise LineFault("it begins a trial for the second time")
        told = entry.get("trial_id", number)  # files of earlier versions do not tell it
        if told != number:
            raise LineFault(
                f"trial {_short(told)} begins where trial {number} should: a line before it is "
                "missing, stands twice or stands elsewhere"
            )
        check_start(entry, num_objectives=self.num_objectives)

    def _check_of_trial(self, entry: Mapping[str, Any]) -> None:
        number, worker = entry["trial_id"], entry["worker_id"]
        if not _is_number(number) or number not in self._starts:
            raise LineFault(f"it speaks of trial {_short(number)}, which did not begin before")
        is_own = self._ended_by.get(number) == worker
        if entry["op_code"] == STATE_VALUES:
            state = OptunaState(entry["state"])
            if number in self._ended_by and (is_own or not state.is_finished()):
                raise LineFault(f"trial {number} has ended before it")
            check_values(entry["values"], num_objectives=self.num_objectives)
        elif entry["op_code"] == USER_ATTR:
            _check_mapping(entry, "user_attr")
            check_attributes(entry["user_attr"])
        elif entry["op_code"] == SYSTEM_ATTR:
            _check_mapping(entry, "system_attr")
        if is_own:
            raise LineFault(f"it stands after the line that ends trial {number}")


def check_start(entry: Mapping[str, Any], *, num_objectives: int) -> None:
    """Check a line that begins a trial.

    Raises:
        LineFault: a value is of another kind, or not one that its parameter allows.
    """
    if entry["op_code"] == CREATE_TRIAL:
        params, allowed = entry["params"], entry["distributions"]
        for name, value in params.items():
            if not _is_number(value, float) or not json_to_distribution(allowed[name])._contains(
                value
            ):
                raise LineFault(f"{_short(name)}={_short(value)} is no value of that parameter")
    if not isinstance(entry.get("system_attrs", {}), dict):
        raise LineFault("system_attrs is no mapping")
    check_attributes(entry.get("user_attrs", {}))
    check_values(entry.get("values"), num_objectives=num_objectives)


def check_attributes(attributes: Any) -> None:
    """Check what a trial remembers of itself.

    Raises:
        LineFault: a value is of another kind.
    """
    if not isinstance(attributes, dict):
        raise LineFault("user_attrs is no mapping")
    for name, value in attributes.items():
        is_fine = True
        if name in _TEXTS:
            is_fine = isinstance(value, str)
        elif name in ("seconds", "budget"):
            is_fine = _is_number(value, float)
        elif name == "parent":
            is_fine = value is None or (_is_number(value) and value >= 0)
        elif name == "inherited_from":
            is_fine = value is None or (_is_number(value) and value >= NO_RELATIVE)
        elif name == "failure_kind":
            is_fine = value in [kind.value for kind in FailureKind]
        elif name.startswith(RUNG_PREFIX):
            is_fine = _is_rung(name, value)
        if not is_fine:
            raise LineFault(f"{name} is {_shown(repr(value).encode())}, which is of another kind")
        if isinstance(value, int | float):
            float(value)  # beyond the range of floats it raises


def _is_rung(name: str, value: Any) -> bool:
    try:
        rungs_of({name: value})
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    return True


def check_values(values: Any, *, num_objectives: int) -> None:
    """Check the values of a result.

    Raises:
        LineFault: there is not one number for each objective.
    """
    if values is None:
        return
    is_list = isinstance(values, list) and len(values) == num_objectives
    if not is_list or not all(_is_number(value, float) for value in values):
        raise LineFault(f"its values are not {num_objectives} numbers: {_short(values)}")


def _check_mapping(entry: Mapping[str, Any], key: str) -> None:
    if not isinstance(entry[key], dict) or len(entry[key]) != 1:
        raise LineFault(f"{key} is no mapping of one name")


def _is_number(value: object, *kinds: type) -> bool:
    return isinstance(value, (int, *kinds)) and not isinstance(value, bool)


def _shown(line: bytes) -> str:
    text = line[: _NUM_SHOWN + 1].decode("ascii", errors="backslashreplace")
    more = "…" if len(line) > _NUM_SHOWN else ""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:_NUM_SHOWN]) + more


def _short(value: object) -> str:
    return _shown(str(value).encode("ascii", errors="backslashreplace"))
