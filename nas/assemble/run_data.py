"""Are the data of a command those that its run was begun with?

The fingerprint (`nas.data.fingerprint`) stands in the run folder's data.json, and, abridged, as a
note of the study in its journal and its database. A run of an earlier version has none: it is
judged by what its data.json says of sizes, classes and normalisation, and gets one.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nas.assemble.search import AssembledSearch
from nas.config.schema import SearchConfig
from nas.data.changes import changes
from nas.data.dataset import ThreeSplits
from nas.data.fingerprint import Fingerprint, fingerprint_from_json, fingerprint_of
from nas.data.report import DataReport
from nas.data.text import TextData
from nas.errors import RunFolderError
from nas.evaluation.evaluator import ReadsTable
from nas.files import write_text
from nas.record.run_folder import RunFolder
from nas.study.journal import RecordedStudy, holds_study, load_study
from nas.study.record import DATA_NOTE
from nas.tables.table import Table

_MAX_NOTE_BYTES = 30_000  # MySQL's texts end at 65,535
_TOLERANCE = 0.01  # of a mean or a deviation, as a share of the deviation
UNKNOWN = (
    "this run did not record its data, since an earlier version began it; these data are taken to "
    "be the same, and are on record from now on"
)


@dataclass(frozen=True)
class KnownData:
    """What a run remembers of its data.

    Attributes:
        fingerprint: of them; None where it has none.
        facts: what data.json says of them; empty where it is absent or broken.
    """

    fingerprint: Fingerprint | None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str | None:
        """What the data set was called when the run began."""
        name = self.facts.get("name")
        return name if isinstance(name, str) else None


@dataclass(frozen=True)
class RunData:
    """What a search learns from.

    Attributes:
        content: data, or the table that results are looked up in.
        fingerprint: of it; None for a kind that has none.
        notes: what is to be told, a line each.
    """

    content: Any
    fingerprint: Fingerprint | None
    notes: tuple[str, ...]


def data_of(search: AssembledSearch, config: SearchConfig, *, before: RunFolder | None) -> RunData:
    """Return what a search learns from, once it is known to be what it was.

    Args:
        search: ready to begin.
        config: it was built from.
        before: the run that goes on or is repeated; None for a new one.

    Raises:
        RunFolderError: that run has other data; what changed is listed.
    """
    evaluator = search.task.evaluator
    table = evaluator.table if isinstance(evaluator, ReadsTable) else None
    content = search.data if search.data is not None else table
    found = fingerprint_of(content)
    note = None if before is None else check_same_data(before, content, found)
    earlier = [RunFolder.open(Path(path)) for path in config.warm_start]
    told = [*([] if note is None else [note]), *warm_start_notes(earlier, found)]
    return RunData(content, found, tuple(told))


def known_data(folder: RunFolder, *, history: RecordedStudy | None = None) -> KnownData:
    """Return what a run remembers of its data.

    Args:
        folder: of the run.
        history: what its journal holds, if that was read already.
    """
    facts = _read(folder)
    found = fingerprint_from_json(facts.get("fingerprint"))
    if found is None and (history is not None or holds_study(folder.study_journal)):
        notes = (history or load_study(folder.study_journal)).notes
        found = fingerprint_from_json(notes.get(DATA_NOTE))
    return KnownData(found, facts)


def check_same_data(folder: RunFolder, data: object, now: Fingerprint | None) -> str | None:
    """Make sure that a run goes on with its own data; return a note, if one is due.

    Args:
        folder: of the run.
        data: what it is to go on with.
        now: their fingerprint; None for data of a kind that has none.

    Raises:
        RunFolderError: they are other data; what changed is listed.
    """
    known = known_data(folder)
    if now is None:
        return None
    if known.fingerprint is not None:
        lines = changes(known.fingerprint, now)
    else:
        lines = changed_facts(known.facts, _facts_of(data))
    if lines:
        listed = "\n".join(f"  {line}" for line in lines)
        raise RunFolderError(
            f"the data are not those that run '{folder.name}' was begun with, so results would "
            f"not be comparable:\n{listed}\nput the data back as they were, or start a new run "
            f"with another name=...; warm_start=[{folder.path}] lets it use what this run found"
        )
    is_known = known.fingerprint is not None or not holds_study(folder.study_journal)
    return None if is_known else UNKNOWN


def changed_facts(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return a line for each fact of data.json that differs; what one of the two lacks is none."""
    keys = [key for key in ("num_images", "classes") if key in before and key in now]
    lines = [
        f"{key.replace('_', ' ')} {before[key]} -> {now[key]}"
        for key in keys
        if before[key] != now[key]
    ]
    if before.get("input_shape") != now.get("input_shape"):
        return lines  # means of other channels do not compare
    return lines + [
        f"the {word} of the training images was {before[key]} and is {now[key]}"
        for key, word in (("mean", "mean"), ("std", "deviation"))
        if key in before and key in now and not _are_close(before[key], now[key], now["std"])
    ]


def _are_close(one: Sequence[float], other: Sequence[float], scale: Sequence[float]) -> bool:
    return len(one) == len(other) and all(
        math.isclose(a, b, abs_tol=_TOLERANCE * abs(c))
        for a, b, c in zip(one, other, scale, strict=True)
    )


def write_data(
    folder: RunFolder,
    data: object,
    fingerprint: Fingerprint | None,
    *,
    report: DataReport | None = None,
) -> None:
    """Write data.json: what the data are, and their fingerprint. They keep their first name."""
    facts = _facts_of(data) | ({} if report is None else asdict(report))
    if fingerprint is not None:
        facts["fingerprint"] = fingerprint.to_json()
    if not facts:
        return
    name = KnownData(None, _read(folder)).name
    told = facts | ({"name": name} if name is not None and "name" in facts else {})
    write_text(folder.data_json, json.dumps(told, indent=1) + "\n")


def keep_fingerprint(folder: RunFolder, fingerprint: Fingerprint | None) -> None:
    """Add a fingerprint to what data.json says."""
    if fingerprint is not None:
        content = {**_read(folder), "fingerprint": fingerprint.to_json()}
        write_text(folder.data_json, json.dumps(content, indent=1) + "\n")


def study_notes(fingerprint: Fingerprint | None) -> dict[str, Any]:
    """Return what the study is to note of its data."""
    if fingerprint is None:
        return {}
    return {DATA_NOTE: fingerprint.abridged(_MAX_NOTE_BYTES).to_json()}


def warm_start_notes(folders: Sequence[RunFolder], now: Fingerprint | None) -> list[str]:
    """Return a line for each earlier run that was on other data: it may be, but is to be known."""
    lines = []
    for folder in folders:
        known = known_data(folder).fingerprint
        found = changes(known, now) if known is not None and now is not None else []
        if found:
            lines.append(f"warm_start: {folder.name} was on other data ({'; '.join(found[:3])})")
    return lines


def refuse_other_data(names: Sequence[str], known: Sequence[KnownData]) -> None:
    """Refuse to compare runs on other data.

    Raises:
        RunFolderError: some are; which, and what differs.
    """
    for name, other in zip(names[1:], known[1:], strict=True):
        lines = _difference(known[0], other)
        if lines:
            listed = "\n".join(f"  {line}" for line in lines)
            raise RunFolderError(
                f"the runs {names[0]} and {name} are on other data, so nothing ranks them; from "
                f"{names[0]} to {name}:\n{listed}\ncompare runs on the same data"
            )


def _difference(one: KnownData, other: KnownData) -> list[str]:
    if one.fingerprint is not None and other.fingerprint is not None:
        return changes(one.fingerprint, other.fingerprint)
    return changed_facts(one.facts, other.facts)


def _facts_of(data: object) -> dict[str, Any]:
    if isinstance(data, ThreeSplits | TextData):
        return data.describe()
    if isinstance(data, Table):
        return {"name": data.path.name, "num_rows": data.num_rows}
    return {}


def _read(folder: RunFolder) -> dict[str, Any]:
    try:
        content = json.loads(folder.data_json.read_text())
    except (OSError, ValueError):  # told where files of a run folder are judged
        return {}
    return content if isinstance(content, dict) else {}
