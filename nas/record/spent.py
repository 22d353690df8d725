"""spent.jsonl: what each command that trained something took, in lines of JSON.

Trials know their own seconds; what only the command knows stands here: energy by the machine's
meters, and proposals that were never trained. A command adds a line at its start, now and then
while it runs, and at its end; the last one counts, so a kill loses a second, or 2 % of what it
took.
"""

import json
import logging
import math
import os
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nas.record.reading import is_there, read_bytes

_LOG = logging.getLogger(__name__)
_REMEDY = "move it away; it tells the cost of the run alone"
_EVERY_S = 1.0
_SHARE = 0.02  # of its time so far that a command may go on without a further line


@dataclass(frozen=True)
class Spent:
    """What a command took, or several together.

    Attributes:
        seconds: wall time.
        joules: of the machine's meters; NaN where none can be read.
        meters: their names.
        why_unknown: why there is no number of joules; empty if there is one.
        num_known: proposals of networks that were known already, drawn again.
        num_forbidden: proposals that broke a constraint or could not be built, drawn again.
        is_simulated: the trials' seconds are those of a simulated clock; nobody waited for them.
    """

    seconds: float = 0.0
    joules: float = math.nan
    meters: tuple[str, ...] = ()
    why_unknown: str = ""
    num_known: int = 0
    num_forbidden: int = 0
    is_simulated: bool = False


class Noting:
    """While it is open, notes what a command takes, again and again.

    Args:
        path: the file.
        read: returns what the command took so far; called by one thread at a time, at most
            `every_s` apart, so that it may follow counters which wrap.
        every_s: seconds between two looks.
    """

    def __init__(
        self, path: Path, read: Callable[[], Spent], *, every_s: float = _EVERY_S
    ) -> None:
        self._path, self._read, self._every_s = path, read, every_s
        self._command = uuid.uuid4().hex[:12]
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="spent", daemon=True)

    def __enter__(self) -> Self:
        """Write the first line."""
        self._look(is_due=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Write the line that counts, also after an error."""
        self._ending.set()
        self._thread.join()
        self._look(is_due=True)

    def _follow(self) -> None:
        started_s = noted_s = time.monotonic()
        while not self._ending.wait(self._every_s):
            now_s = time.monotonic()
            is_due = now_s - noted_s >= _SHARE * (now_s - started_s)
            self._look(is_due=is_due)
            noted_s = now_s if is_due else noted_s

    def _look(self, *, is_due: bool) -> None:
        try:
            spent = self._read()
            if is_due:
                note_spent(self._path, spent, command=self._command)
        except Exception:  # noqa: BLE001 - a lost meter or a full disk must not end the work
            _LOG.warning("what is spent cannot be noted in %s", self._path, exc_info=True)


def note_spent(path: Path, spent: Spent, *, command: str = "") -> None:
    """Add a line; it is on disk when this returns.

    Args:
        path: the file.
        spent: what a command took.
        command: stands for it; of the lines with the same one the last counts. Empty: this is the
            only one.
    """
    line: dict[str, Any] = {"command": command, **asdict(spent)}
    line["joules"] = None if math.isnan(spent.joules) else spent.joules
    _end_last_line(path)
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_spent(path: Path) -> list[Spent]:
    """Return what each command took; none where there is no file, nor lines that are broken.

    Raises:
        RunFolderError: it cannot be read at all.
    """
    found: dict[str, Spent] = {}
    content = read_bytes(path, remedy=_REMEDY) if is_there(path) else b""
    for number, text in enumerate(content.split(b"\n")):
        try:
            line = json.loads(text)
            command = str(line.pop("command", "") or number)
            found[command] = _from_json(line)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            continue
    return list(found.values())


def total_spent(parts: Sequence[Spent]) -> Spent:
    """Return the sum; NaN joules where those of a part are not known."""
    unknown = [part.why_unknown for part in parts if math.isnan(part.joules)]
    return Spent(
        seconds=sum(part.seconds for part in parts),
        joules=math.nan if unknown or not parts else sum(part.joules for part in parts),
        meters=tuple(dict.fromkeys(name for part in parts for name in part.meters)),
        why_unknown=unknown[0] if unknown else "" if parts else "nothing was trained",
        num_known=sum(part.num_known for part in parts),
        num_forbidden=sum(part.num_forbidden for part in parts),
        is_simulated=any(part.is_simulated for part in parts),
    )


def _end_last_line(path: Path) -> None:
    """Let a line that a crash cut short not swallow the next one."""
    if is_there(path) and read_bytes(path, remedy=_REMEDY)[-1:] not in (b"\n", b""):
        with path.open("a") as file:
            file.write("\n")


def _from_json(line: dict[str, Any]) -> Spent:
    joules = math.nan if line["joules"] is None else line["joules"]
    numbers = {
        "seconds": float(line["seconds"]),
        "joules": float(joules),
        "num_known": int(line.get("num_known", 0)),
        "num_forbidden": int(line.get("num_forbidden", 0)),
        "meters": tuple(map(str, line["meters"])),
        "why_unknown": str(line["why_unknown"]),
    }
    return Spent(**{**line, **numbers})
