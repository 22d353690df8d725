"""The tables of a `finish` folder, to which each command adds what it found out.

Rows of networks that a command did not retrain stay. A network that was retrained anew has other
weights, so files that were made of the old ones are no longer listed.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from nas.errors import RunFolderError
from nas.record.artefacts import ArtefactRow, read_artefacts, write_artefacts
from nas.record.aside import set_aside
from nas.record.rows import same_row
from nas.record.winners import WinnerRow, read_winners, write_winners

_LOG = logging.getLogger(__name__)
WINNERS_CSV, ARTEFACTS_CSV = "winners.csv", "artefacts.csv"
Row = TypeVar("Row")


def add_tested(folder: Path, rows: Sequence[WinnerRow]) -> list[WinnerRow]:
    """Add rows to winners.csv, and return all that stand in it, smallest first.

    Args:
        folder: the `finish` folder.
        rows: of networks that were retrained, or whose retraining was on record.
    """
    before = {row.name: row for row in tested_before(folder)}
    kept_rows = [r for r in rows if r.name in before and same_row(before[r.name], r)]
    changed = {str(row.trial) for row in rows} - {str(row.trial) for row in kept_rows}
    files = _read(folder / ARTEFACTS_CSV, read_artefacts)
    kept = [row for row in files if Path(row.file).parts[0] not in changed]
    if kept != files:
        write_artefacts(folder / ARTEFACTS_CSV, kept)
    return add_rows(folder / WINNERS_CSV, rows)


def tested_before(folder: Path) -> list[WinnerRow]:
    """Return the rows of winners.csv in a `finish` folder."""
    return _read(folder / WINNERS_CSV, read_winners)


def add_rows(path: Path, rows: Sequence[WinnerRow]) -> list[WinnerRow]:
    """Add rows to a table of tested networks, and return all that stand in it.

    Args:
        path: of the table; made where it is absent.
        rows: in the place of those of the same names.
    """
    names = {row.name for row in rows}
    earlier = [row for row in _read(path, read_winners) if row.name not in names]
    known = sorted([*earlier, *rows], key=lambda row: (row.size_bytes, row.name))
    write_winners(path, known)
    return known


def add_artefacts(folder: Path, rows: Sequence[ArtefactRow]) -> list[ArtefactRow]:
    """Add rows to artefacts.csv, and return all that stand in it.

    Args:
        folder: the `finish` folder.
        rows: in the place of those of files in the same folders.
    """
    path, places = folder / ARTEFACTS_CSV, {Path(row.file).parent for row in rows}
    earlier = [row for row in _read(path, read_artefacts) if Path(row.file).parent not in places]
    known = [*earlier, *rows]
    write_artefacts(path, known)
    return known


def _read(path: Path, read: Callable[[Path], list[Row]]) -> list[Row]:
    """Return the rows of a table; none where there is none, or where it is damaged."""
    if not path.exists():
        return []
    try:
        return read(path)
    except RunFolderError as error:
        kept = set_aside(path)
        _LOG.warning(
            "%s; it is now %s. What earlier commands retrained is listed again by nas finish with "
            "the same words: nothing is trained twice",
            str(error).partition("; ")[0],
            kept.name,
        )
        return []
