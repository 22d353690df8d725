"""spent.jsonl: what each command that trained something took, one line of JSON each.

Trials know their own seconds; what only the command knows stands here: energy by the machine's
meters, and proposals that were never trained. A command that is killed outright leaves no line.
"""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


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
    """

    seconds: float = 0.0
    joules: float = math.nan
    meters: tuple[str, ...] = ()
    why_unknown: str = ""
    num_known: int = 0
    num_forbidden: int = 0


def note_spent(path: Path, spent: Spent) -> None:
    """Add a line; it is on disk when this returns."""
    line: dict[str, Any] = asdict(spent)
    line["joules"] = None if math.isnan(spent.joules) else spent.joules
    _end_last_line(path)
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_spent(path: Path) -> list[Spent]:
    """Return all lines; none where there is no file. A line that a crash cut short is left out."""
    found = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            found.append(_from_json(json.loads(line)))
        except ValueError:
            continue
    return found


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
    )


def _end_last_line(path: Path) -> None:
    """Let a line that a crash cut short not swallow the next one."""
    if path.exists() and not path.read_bytes().endswith(b"\n"):
        with path.open("a") as file:
            file.write("\n")


def _from_json(line: dict[str, Any]) -> Spent:
    joules = math.nan if line["joules"] is None else line["joules"]
    return Spent(**{**line, "joules": joules, "meters": tuple(line["meters"])})
