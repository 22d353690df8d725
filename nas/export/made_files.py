"""artefacts.json beside a network's files: what they were made of, and what was measured.

A second `nas finish` makes and measures nothing twice, unless a file is gone.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nas.errors import RunFolderError
from nas.files import write_text
from nas.record.artefacts import ArtefactRow
from nas.record.reading import read_json


def remember(memory: Path, made_from: list[Any], rows: Sequence[ArtefactRow]) -> None:
    """Write down what files were made of, and their rows."""
    content = {"made_from": made_from, "rows": [_as_json(row) for row in rows]}
    write_text(memory, json.dumps(content))


def remembered(memory: Path, made_from: list[Any]) -> list[ArtefactRow] | None:
    """Return the rows of files that were made of the same before and are still there."""
    if not memory.is_file():
        return None
    try:
        content = read_json(memory, remedy="it is written anew")
        if content["made_from"] != made_from:
            return None
        rows = [_from_json(row) for row in content["rows"]]
    except (RunFolderError, KeyError, TypeError, AttributeError):
        return None  # damaged: the files are made and measured again
    folder = memory.parent
    lost = [row for row in rows if not row.refused and not (folder / Path(row.file).name).exists()]
    return None if lost else rows


def clear(place: Path) -> None:
    """Remove the files of an earlier export; folders beside them are other variants."""
    if place.is_dir():
        for path in place.iterdir():
            if path.is_file():
                path.unlink()


def _as_json(row: ArtefactRow) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in vars(row).items()}


def _from_json(row: dict[str, Any]) -> ArtefactRow:
    known: dict[str, Any] = {k: math.nan if v is None else v for k, v in row.items()}
    return ArtefactRow(**known)
