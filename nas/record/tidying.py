"""Moves aside whatever stands where a command must write a file again."""

import os
from collections.abc import Callable
from pathlib import Path

from nas.errors import RunFolderError
from nas.record.artefacts import read_artefacts
from nas.record.aside import is_file_or_absent, set_aside
from nas.record.run_folder import RunFolder
from nas.record.winners import read_winners

_WRITTEN_ANEW = (
    ".lease",
    "trials.csv",
    "front.csv",
    "front.png",
    "front.svg",
    "report.html",
    "log.txt",
    "environment.json",
    "data.json",
    "spent.jsonl",
    "finish/.lease",
    "finish/log.txt",
    "finish/finish.png",
    "finish/finish.svg",
    "finish/files.png",
    "finish/files.svg",
    "finish/winners.csv",
    "finish/artefacts.csv",
    "finish/distilled.csv",
    "finish/compressed.csv",
    "finish/spent.jsonl",
)
_FOLDERS = ("models", "checkpoints", "relatives", "finish")


def tidy(folder: RunFolder) -> list[str]:
    """Move what hinders to `*.damaged`, and return a line for each."""
    folders = [folder.path / name for name in _FOLDERS]
    hindering = [path for path in folders if os.path.lexists(path) and not path.is_dir()]
    files = [folder.path / name for name in _WRITTEN_ANEW]
    hindering += [p for p in files if p.parent.is_dir() and not is_file_or_absent(p)]
    hindering += _unreadable_tables(folder)
    return [f"{path} could not be used and is now {set_aside(path).name}" for path in hindering]


def _unreadable_tables(folder: RunFolder) -> list[Path]:
    """Return the tables of `finish` that are no tables; it makes them from its ledger again."""
    found = []
    tables: dict[str, Callable[[Path], object]]
    tables = {"winners.csv": read_winners, "artefacts.csv": read_artefacts}
    for name, read in tables.items():
        path = folder.finish_dir / name
        try:
            if path.is_file():
                read(path)
        except RunFolderError:
            found.append(path)
    return found
