"""The durable list of what was measured: one JSON line for each finished job, appended and synced.

What stands here is never trained or tested again, so a killed `nas finish` goes on where it was,
and the test split is opened once for each network and seed. Failures are not kept: the next
command tries them again. A line that a crash cut short is dropped.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Entry:
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
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._entries: dict[str, Entry] = {}
        if path.exists():
            self._read()

    def __contains__(self, job: object) -> bool:
        return job in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, job: str) -> Entry:
        return self._entries[job]

    def entries(self) -> list[Entry]:
        """Return all entries in the order in which they came."""
        return list(self._entries.values())

    def append(self, entry: Entry) -> None:
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
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole != len(content):
            with self._path.open("r+b") as file:
                file.truncate(whole)
        for line in content[:whole].splitlines():
            entry = Entry(**json.loads(line))
            self._entries.setdefault(entry.job, entry)
