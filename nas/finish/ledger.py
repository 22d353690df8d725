"""The durable list of results: one JSON line for each finished job, appended and synced.

A job that is listed is never trained or tested again. So a killed `nas finish` continues where it
was, and each network and seed meets the test split once. Failures are not listed: the next command
tries them again. A last line that a crash cut short is dropped.
"""

import json
import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nas.errors import RunFolderError
from nas.record.reading import is_there, read_bytes


@dataclass(frozen=True)
class LedgerEntry:
    """What came of one job.

    Attributes:
        job: its key; the same architecture, seed, recipe and data give the same key.
        metrics: metric name -> value, all finite.
        seconds: wall time.
        facts: what the job was about, for people: trial, seed, step.
    """

    job: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    facts: Mapping[str, str | int | float] = field(default_factory=dict)


class Ledger:
    """Appends to a file of JSON lines, and knows what is in it.

    Args:
        path: the file; made with its folder where it is absent.

    Raises:
        RunFolderError: it cannot be read, or a line before its last one is damaged.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._entries: dict[str, LedgerEntry] = {}
        if is_there(path):
            self._read()

    def __contains__(self, job: object) -> bool:
        return job in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, job: str) -> LedgerEntry:
        return self._entries[job]

    def entries(self) -> list[LedgerEntry]:
        """Return all entries in the order in which they came."""
        return list(self._entries.values())

    def append(self, entry: LedgerEntry) -> None:
        """Add an entry; it is on disk when this returns. The first entry of a job stands."""
        if entry.job in self._entries:
            return
        line = json.dumps(
            {
                "job": entry.job,
                "metrics": dict(entry.metrics),
                "seconds": entry.seconds,
                "facts": dict(entry.facts),
            },
            allow_nan=False,
        )
        with self._path.open("ab") as file:
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._entries[entry.job] = entry

    def _read(self) -> None:
        folder = shlex.quote(str(self._path.parents[1]))
        content = read_bytes(self._path, remedy="move it away; its jobs are done again")
        whole = content.rfind(b"\n") + 1
        _, broken = whole_lines(content)
        if broken:
            number, why = broken[0]
            raise RunFolderError(
                f"line {number} of {self._path} is damaged: {why}; save what is whole with: "
                f"nas repair run={folder}"
            )
        if whole != len(content):
            with self._path.open("r+b") as file:
                file.truncate(whole)
        for line in content[:whole].split(b"\n")[:-1]:
            entry = _entry_of(line)
            self._entries.setdefault(entry.job, entry)


def whole_lines(
    content: bytes, *, has_weights: Callable[[str], bool] = bool
) -> tuple[bytes, list[tuple[int, str]]]:
    """Return the whole lines of a ledger; and the number (from 1) and the fault of the others.

    A torn last line is left out without a word.

    Args:
        content: of the file.
        has_weights: says of a job whether its weights are whole; without them it is not.
    """
    kept, broken = [], []
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        try:
            job = _entry_of(line).job
            if not has_weights(job):
                raise ValueError("the weights of its network are damaged")
            kept.append(line + b"\n")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            broken.append((number, f"it is no entry ({str(error)[:80]})"))
    return b"".join(kept), broken


def _entry_of(line: bytes) -> LedgerEntry:
    told = json.loads(line)
    entry = LedgerEntry(**told)
    for value in (entry.seconds, *entry.metrics.values()):
        float(value)
    if not isinstance(entry.job, str) or not isinstance(entry.facts, dict):
        raise ValueError("a job is a text and its facts are a mapping")
    return entry
