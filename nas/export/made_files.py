"""artefacts.json beside a network's files: what they were made from, and what was measured.

A second `nas finish` makes and measures nothing twice, unless a file is missing.
"""

import hashlib
import inspect
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from nas.errors import RunFolderError
from nas.export.format import Format
from nas.files import write_text
from nas.record.artefacts import ArtefactRow
from nas.record.reading import read_json

# One more whenever files are made differently, so that old ones are made again.
_VERSION = 5


def made_from(
    source: Sequence[str],
    formats: Mapping[str, Format],
    *,
    num_threads: int,
    peak_memory: bool,
) -> list[Any]:
    """Return what files are made from, as plain values: any change makes them again.

    Args:
        source: tells the trained network apart from others.
        formats: name -> format.
        num_threads: that times are taken with.
        peak_memory: whether it is measured.
    """
    told = {name: _settings_of(chosen) for name, chosen in formats.items()}
    settings = {"formats": told, "num_threads": num_threads, "peak_memory": peak_memory}
    plain: list[Any] = json.loads(json.dumps([_VERSION, *source, settings], default=_kind_of))
    return plain


def remember(memory: Path, made_from: list[Any], rows: Sequence[ArtefactRow]) -> None:
    """Write down what files were made from, and their rows."""
    content = {"made_from": made_from, "rows": [_as_json(row) for row in rows]}
    write_text(memory, json.dumps(content))


def remembered(memory: Path, made_from: list[Any]) -> list[ArtefactRow] | None:
    """Return the rows of files that were made from the same before and still exist."""
    if not memory.is_file():
        return None
    try:
        content = read_json(memory, remedy="it is written again")
        if made_from not in _serving(content["made_from"]):
            return None
        rows = [_from_json(row) for row in content["rows"]]
    except (RunFolderError, KeyError, TypeError, AttributeError, ValueError):
        return None  # damaged: the files are made and measured again
    folder = memory.parent
    lost = [row for row in rows if not row.refused and not (folder / Path(row.file).name).exists()]
    return None if lost else rows


def _serving(made_from: list[Any]) -> list[list[Any]]:
    """Return what files serve for: those whose memory was measured also where it need not be."""
    *source, settings = made_from
    return [made_from, [*source, {**settings, "peak_memory": False}]]


def clear(place: Path) -> None:
    """Remove the files of an earlier export; folders beside them are other variants."""
    if place.is_dir():
        for path in place.iterdir():
            if path.is_file():
                path.unlink()


def _settings_of(chosen: Format) -> dict[str, Any]:
    """Return the settings of a format; of one outside nas its class and source file too."""
    kind = type(chosen)
    if is_dataclass(chosen) and not isinstance(chosen, type):
        own = asdict(chosen)
    else:
        own = dict(getattr(chosen, "__dict__", {}))
    if kind.__module__.partition(".")[0] == "nas":
        return own
    return {**own, "_target_": _kind_of(chosen), "_source_": _digest_of(kind)}


def _digest_of(kind: type[Any]) -> str:
    """Return a text that changes when the file of a class does; empty where there is none."""
    try:
        content = Path(inspect.getfile(kind)).read_bytes()
    except (OSError, TypeError):
        return ""
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _kind_of(value: object) -> str:
    """Return the name of a value's class, for values that JSON cannot hold."""
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _as_json(row: ArtefactRow) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in asdict(row).items()
    }


def _from_json(row: dict[str, Any]) -> ArtefactRow:
    known: dict[str, Any] = {k: math.nan if v is None else v for k, v in row.items()}
    return ArtefactRow(**known)
