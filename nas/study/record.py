"""The whole record of a study: the journal in the run folder, and its copy in a database if asked.

Opens both, decides which of the two is ahead when a run moves between machines, and passes on the
study's results.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import RunFolderError
from nas.files import write_text
from nas.objective import Objective
from nas.sampling.distributions import flat_distributions
from nas.space.space import SearchSpace
from nas.study.fitting import check_fits
from nas.study.journal import RecordedStudy, StudyJournal, holds_study, load_study
from nas.trial import TrialRecord, TrialState

if TYPE_CHECKING:  # SQLAlchemy is imported for those who have a database
    from optuna.distributions import BaseDistribution
    from optuna.storages import RDBStorage

    from nas.study.lease import DatabaseLease
    from nas.study.mirror import StudyMirror

_LOG = logging.getLogger(__name__)

# At the end of a search an absent database is waited for so long, and in haste so long.
CLOSE_S = 120.0
HASTE_S = 1.5
# What a resume needs on a machine that never saw the run folder.
# Under this name a study notes the fingerprint of its data.
DATA_NOTE = "nas:data"
KEPT_FILES = ("config.yaml", "overrides.yaml", "environment.json")
DATA_FILE = "data.json"  # written from the note of the study, never taken from the database


class StudyRecord:
    """Writes down a study, on disk first.

    Args:
        path: the journal.
        name: the study's name.
        objectives: in the order of the study's directions.
        space: what is searched.
        storage_url: the database of the copy, or None.
        resume: take up a study that only the database has; otherwise its name is refused.

    Attributes:
        history: what was on record before.

    Raises:
        ConfigError: the database does not answer.
        RunFolderError: the record holds another study, cannot be written, or is another driver's.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str,
        objectives: Sequence[Objective],
        space: SearchSpace,
        storage_url: str | None = None,
        resume: bool = True,
    ) -> None:
        self._mirror: StudyMirror | None = None
        on_disk = load_study(path) if holds_study(path) else RecordedStudy()
        self.history = on_disk
        flat = flat_distributions(space)
        with ExitStack() as undo:
            held = None if storage_url is None else _hold(storage_url, name)
            if held is not None:
                undo.callback(held.give_back)
            if held is not None and is_ahead(held.history.records, on_disk.records):
                _check_wanted(name, resume=resume)
                self.history = held.history
            check_fits(self.history.records, space)
            if self.history is not on_disk:
                _set_aside(path)
            _check_not_lost(path, self.history)
            self._journal = StudyJournal(
                path, name=name, objectives=objectives, distributions=flat
            )
            undo.callback(self._journal.close)
            if self.history is not on_disk:
                self._journal.copy(self.history)
            if held is not None:
                self._mirror = held.follow(
                    name, objectives, flat, self.history, _kept_files(path.parent)
                )
            undo.pop_all()

    def started(self, record: TrialRecord) -> None:
        """Note that a trial runs."""
        self._journal.started(record)
        if self._mirror is not None:
            self._mirror.started(record)

    def reached(self, record: TrialRecord) -> None:
        """Note the last rung of a trial that runs; `acknowledged` returns it once on disk."""
        self._journal.reached(record)
        if self._mirror is not None:
            self._mirror.started(record)

    def settle(self) -> None:
        """Wait until all results are in the journal."""
        self._journal.settle()

    def finished(self, record: TrialRecord, variants: Sequence[TrialRecord] = ()) -> None:
        """Note a trial's end, and its variants; `acknowledged` returns them once on disk."""
        self._journal.finished(record, variants)
        if self._mirror is not None:
            for ended in (*variants, record):
                self._mirror.finished(ended)

    def noted(self, key: str, value: Any) -> None:
        """Keep what the sampler noted with the study."""
        self._journal.noted(key, value)
        if self._mirror is not None:
            self._mirror.noted(key, value)

    def acknowledged(self) -> list[TrialRecord]:
        """Return the trials whose end, or a rung of which, came to disk since the last call.

        Raises:
            RunFolderError: the record could not be written, or the study was taken over.
        """
        if self._mirror is not None:
            self._mirror.check()
        return self._journal.acknowledged()

    def flush(self) -> list[TrialRecord]:
        """Write what waits to disk, and return the trials whose end came there by that."""
        return self._journal.close()

    def close(self, *, is_hasty: bool = False) -> None:
        """Write what waits, to disk and to the database; in haste do not wait for the latter."""
        try:
            self._journal.close()
        finally:
            if self._mirror is not None:
                self._mirror.close(patience_s=HASTE_S if is_hasty else CLOSE_S)
                self._mirror = None


@dataclass(frozen=True)
class _Held:
    """A study in a database that is ours to write, and what it held before."""

    storage: "RDBStorage"
    lease: "DatabaseLease"
    history: RecordedStudy

    def give_back(self) -> None:
        """Let others have it."""
        from nas.study.database import close_storage

        self.lease.release()
        close_storage(self.storage)

    def follow(
        self,
        name: str,
        objectives: Sequence[Objective],
        flat: Mapping[str, "BaseDistribution"],
        history: RecordedStudy,
        files: Mapping[str, str],
    ) -> "StudyMirror":
        """Start writing behind."""
        from nas.study.mirror import StudyMirror

        return StudyMirror(
            self.storage,
            self.lease,
            name=name,
            objectives=objectives,
            distributions=flat,
            history=history,
            files=files,
        )


def _hold(storage_url: str, name: str) -> _Held:
    """Hold a study in a database, before it is read."""
    from nas.study.database import close_storage, load_from_database, open_storage
    from nas.study.lease import DatabaseLease

    storage = open_storage(storage_url)
    try:
        lease = DatabaseLease(storage.engine, name)
        return _Held(storage, lease, load_from_database(storage, name) or RecordedStudy())
    except BaseException:
        close_storage(storage)
        raise


def is_ahead(there: Sequence[TrialRecord], here: Sequence[TrialRecord]) -> bool:
    """Say whether a record has a result that another one lacks."""
    ours = {r.number: (r.architecture, _progress(r)) for r in here}

    def lacks(record: TrialRecord) -> bool:
        architecture, progress = ours.get(record.number, (None, 0.0))
        if not _progress(record):
            return False
        return architecture != record.architecture or progress < _progress(record)

    return any(map(lacks, there))


def _progress(record: TrialRecord) -> float:
    """Return how far a trial is: 2 at its end, the share of its training that its rungs reach."""
    return record.reached if record.state is TrialState.RUNNING else 2.0


def restore_files(storage_url: str, name: str, folder: Path) -> bool:
    """Bring the settings of a run from the database to a folder that lacks them.

    Returns:
        False if the database knows no run of that name.

    Raises:
        ConfigError: the database does not answer.
    """
    from nas.study.database import load_files, load_notes, opened

    with opened(storage_url) as storage:
        files = load_files(storage, name)
        notes = load_notes(storage, name)
    files.pop(DATA_FILE, None)
    if DATA_NOTE in notes:
        files[DATA_FILE] = json.dumps({"fingerprint": notes[DATA_NOTE]}, indent=1) + "\n"
    for file, text in files.items():
        if file in (*KEPT_FILES, DATA_FILE) and not (folder / file).exists():
            write_text(folder / file, text)
    return bool(files)


def _check_wanted(name: str, *, resume: bool) -> None:
    if not resume:
        raise RunFolderError(
            f"the database holds a study '{name}' already; add resume=true to go on with it, or "
            "choose another name=..."
        )


def _check_not_lost(path: Path, history: RecordedStudy) -> None:
    """Refuse to begin a study where weights of earlier trials lie: their record is lost.

    A journal that holds its study and no trial is that of a command that was killed early, when
    weights may be on disk before the record of their trial.
    """
    models = path.parent / "models"
    if history.records or holds_study(path) or not models.is_dir():
        return
    found = (place for place in models.iterdir() if (place / "weights.safetensors").is_file())
    numbers = sorted(int(place.name) for place in found if place.name.isdecimal())
    if numbers:
        raise RunFolderError(
            f"{path} holds no study, but {models} has weights of trials "
            f"{', '.join(map(str, numbers[:5]))}{'…' if len(numbers) > 5 else ''}; bring the "
            "journal back from a copy, or start a new run with another name=..."
        )


def _set_aside(path: Path) -> None:
    if path.exists():
        aside = path.with_name(f"{path.name}.superseded")
        path.replace(aside)
        _LOG.warning("the database is ahead of %s, which is now %s", path, aside.name)


def _kept_files(folder: Path) -> Mapping[str, str]:
    return {name: (folder / name).read_text() for name in KEPT_FILES if (folder / name).is_file()}
