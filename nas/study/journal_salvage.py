"""What is whole in a damaged study journal: operations, their study, the starts of trials."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nas.study.journal_file import lines_of
from nas.study.journal_lines import (
    CREATE_STUDY,
    CREATE_TRIAL,
    STATE_VALUES,
    JournalReplay,
    LineFault,
    parse_line,
    salvage,
    split_torn,
)


@dataclass(frozen=True)
class Item:
    """A whole operation; `at` is its line."""

    at: int
    entry: Mapping[str, Any]
    line: bytes

    @property
    def operation(self) -> int:
        """Optuna's code of what is done."""
        return int(self.entry["op_code"])

    @property
    def worker(self) -> str:
        """Which process wrote it."""
        return str(self.entry["worker_id"])


@dataclass
class Salvage:
    """What is found while a file is read."""

    items: list[Item] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)  # broken lines that hold nothing readable
    dropped: dict[int, str] = field(default_factory=dict)


def read_whole(content: bytes) -> Salvage:
    """Return the whole operations of a journal, whatever stands between them."""
    found = Salvage()
    lines, torn = split_torn(content)
    parts = lines_of(lines)
    if len(salvage(torn)) > 1:  # else it is a write that never ended, which nobody counts on
        parts.append(torn)
    for at, line in enumerate(parts, start=1):
        try:
            found.items.append(Item(at, parse_line(line), line))
        except LineFault as fault:
            saved = [Item(at, entry, part) for entry, part in salvage(line)]
            found.items.extend(saved)
            found.dropped[at] = f"{fault}; what is whole in it is kept" if saved else str(fault)
            if not saved:
                found.lost.append(at)
    return found


def study_of(found: Salvage, name: str) -> Item | None:
    """Return the line that begins the study, and leave out the lines of other studies."""
    begun = [item for item in found.items if _begins_study(item)]
    ours = next((item for item in begun if item.entry["study_name"] == name), None)
    ours = ours or next(iter(begun), None)
    for item in begun:
        if item is not ours and ours is not None:
            found.dropped.setdefault(item.at, "a study begins here once more, or another one")
            if item.entry["study_name"] != ours.entry["study_name"]:
                _leave_out(found, ours, other=item)
    for item in found.items:
        if item.operation == CREATE_STUDY and item not in begun:
            found.dropped.setdefault(item.at, "it does not begin a study")
    found.items = [item for item in found.items if item.operation != CREATE_STUDY]
    return ours


def _begins_study(item: Item) -> bool:
    try:
        JournalReplay().apply(item.line)
    except LineFault:
        return False
    return item.operation == CREATE_STUDY


def _leave_out(found: Salvage, ours: Item, *, other: Item) -> None:
    """Leave out the lines of another file that was written into this one."""
    own_file = any(
        item.operation == CREATE_TRIAL
        and item.worker == other.worker
        and item.entry.get("study_id") == 0
        for item in found.items
    )
    if not own_file:
        return
    if other.at < ours.at:
        foreign = {i.worker for i in found.items if i.at < ours.at}
    else:
        known = {i.worker for i in found.items if i.at < other.at}
        foreign = {i.worker for i in found.items} - known
    kept = []
    for item in found.items:
        if item.worker in foreign and item is not ours:
            found.dropped.setdefault(item.at, "it belongs to another study")
        else:
            kept.append(item)
    found.items = kept


def starts_of(found: Salvage, *, is_readable: Callable[[Item], bool]) -> dict[int, Item]:
    """Return the line that begins each trial, by number; what cannot be read begins none."""
    begun = [item for item in found.items if item.operation == CREATE_TRIAL]
    most = 1000 + 10 * len(found.items)  # a number beyond is no number of a trial
    seen: set[bytes] = set()
    starts: dict[int, Item] = {}
    for item in begun:
        if not is_readable(item):
            found.lost.append(item.at)
            continue
        number = number_in(item.entry.get("trial_id", _next_number(found, starts, item)))
        if item.line in seen:
            found.dropped.setdefault(item.at, "it begins a trial for the second time")
        elif not 0 <= number <= most:
            found.dropped.setdefault(item.at, f"there is no trial {number}")
        elif number in starts:
            found.dropped.setdefault(item.at, f"trial {number} begins a second time")
        else:
            starts[number] = item
        seen.add(item.line)
    return starts


def _next_number(found: Salvage, starts: Mapping[int, Item], item: Item) -> int:
    """Return the number of a trial whose line has none, as in older files.

    Trials begin in the order of their numbers, so it follows the last one; where lines were lost
    since, as many numbers may be left free as the results after it fit best.
    """
    last = max(starts, default=-1)
    since = starts[last].at if starts else 0
    num_lost = sum(since < at < item.at for at in found.lost)
    fits = [_misfits(found, item, last + 1 + free) for free in range(num_lost + 1)]
    return last + 1 + fits.index(min(fits))


def _misfits(found: Salvage, start: Item, number: int) -> int:
    """Count what speaks against it that a line begins the trial of that number."""
    known = start.entry.get("user_attrs")
    costs = set(_numbers(known.values() if isinstance(known, dict) else ()))
    for item in found.items:
        if item.operation == STATE_VALUES and item.entry.get("trial_id") == number:
            values = item.entry.get("values")
            told = set(_numbers(values if isinstance(values, list) else ()))
            return (item.at < start.at) + bool(told and costs and costs.isdisjoint(told))
    return 1


def _numbers(values: Iterable[object]) -> list[float]:
    return [value for value in values if isinstance(value, int | float)]


def number_in(value: object) -> int:
    """Return a value that is a number of a trial, else -1."""
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
