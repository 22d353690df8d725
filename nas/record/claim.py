"""A folder is written by one command at a time, and a command that is refused leaves it as it was.

The right to write comes before the first file. A command that ends with an error before its work
began takes its files back: it can be given again as it stands, and a run that was there before has
its old settings. Nothing else in the folder is touched, and no folder that was not made here is
removed.
"""

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nas.errors import NasError
from nas.files import write_bytes
from nas.record.beliefs import BELIEVED_CSV
from nas.record.lease import Lease
from nas.record.references import REFERENCES_CSV
from nas.record.run_folder import LEASE, LOG, RunFolder

# The settings of a run; a command that goes on with the run writes these files again.
SETTINGS = ("config.yaml", "overrides.yaml", "environment.json", "data.json")
# What a search leaves in its folder before its first trial.
_OTHERS = (
    *("spent.jsonl", "study.journal", "study.journal.lock"),
    *("trials.csv", "front.csv", "front.png", "front.svg", "report.html"),
    *(REFERENCES_CSV, BELIEVED_CSV),
)
# Taken back last, in this order: a kill on the way leaves a run to go on with, or a free folder.
_LAST = ("config.yaml", "overrides.yaml", LOG, LEASE)
_FOLDERS = ("models", "checkpoints", "relatives")
# Each line of a journal that concerns a trial has one of these.
_OF_TRIALS = (b'"datetime_start"', b'"trial_id"')


@dataclass(frozen=True)
class Claim:
    """A run folder that is ours to write.

    Attributes:
        folder: of the run.
        lease: the right to write there.
    """

    folder: RunFolder
    lease: Lease


@contextmanager
def claimed_run(place: Path, *, resume: bool) -> Iterator[Claim]:
    """Hold a run folder while the block runs; one that is refused leaves no trace.

    Args:
        place: the folder; made, with its parents, unless it is to be taken up.
        resume: go on with a run that is there.

    Raises:
        RunFolderError: the place is taken, holds no run to go on with, or another process has it.
    """
    absent = _absent(place.absolute())
    folder = RunFolder.open(place) if resume else RunFolder.create(place)
    lease = Lease(folder.path / LEASE)
    try:
        if not resume:
            folder.check_free()  # another command may have been here since
        journal = folder.study_journal
        num_bytes = journal.stat().st_size if journal.is_file() else 0
        with _undone_unless(
            lambda: _tells_of_trials(journal, since=num_bytes),
            folder=folder.path,
            files=SETTINGS if resume else (*_OTHERS, *SETTINGS, *_LAST),
            folders=() if resume else (*(folder.path / name for name in _FOLDERS), *absent),
        ):
            yield Claim(folder, lease)
    finally:
        lease.release()


@contextmanager
def claimed_finish(folder: Path) -> Iterator[Lease]:
    """Hold the `finish` folder of a run while the block runs; one that is refused leaves no trace.

    Raises:
        RunFolderError: another process has it.
    """
    absent = _absent(folder)
    lease = Lease(folder / LEASE)
    try:
        ledger = folder / "ledger.jsonl"
        with _undone_unless(
            lambda: ledger.is_file() and ledger.stat().st_size > 0,
            folder=folder,
            files=(LOG, LEASE) if absent else (),
            folders=absent,
        ):
            yield lease
    finally:
        lease.release()


@contextmanager
def _undone_unless(
    has_begun: Callable[[], bool],
    *,
    folder: Path,
    files: Sequence[str],
    folders: Sequence[Path],
) -> Iterator[None]:
    """Put files back as they were, and remove empty folders, if the block fails before it begun.

    Args:
        has_begun: says whether the work began.
        folder: where the files are.
        files: names in it.
        folders: to be removed in this order, where they are empty.
    """
    before = {name: _content(folder / name) for name in files if name != LEASE}
    try:
        yield
    except BaseException as error:
        if not has_begun():
            is_told = isinstance(error, NasError | KeyboardInterrupt)
            with contextlib.suppress(OSError):  # what is wrong already is on its way
                # Of an unexpected error the log has the traceback; it blocks no repetition.
                _remove_begun(folder, files)
                _put_back(folder, before, but=() if is_told else (LOG,))
                if LEASE in files and is_told:
                    (folder / LEASE).unlink(missing_ok=True)
            for path in folders:
                with contextlib.suppress(OSError):  # something is in it
                    path.rmdir()
        raise


def _remove_begun(folder: Path, files: Sequence[str]) -> None:
    """Remove what a signal left of files that were being written (`nas.files.write_bytes`)."""
    begun = tuple(f".{name}." for name in files)
    for path in folder.iterdir():
        if path.name.startswith(begun) and path.is_file():
            path.unlink(missing_ok=True)


def _put_back(folder: Path, before: Mapping[str, bytes | None], *, but: Collection[str]) -> None:
    last = [name for name in _LAST if name in before]
    for name in [*(name for name in before if name not in last), *last]:
        content = before[name]
        if name in but:
            continue
        if content is None:
            (folder / name).unlink(missing_ok=True)
        elif _content(folder / name) != content:
            write_bytes(folder / name, content)


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _absent(path: Path) -> list[Path]:
    """Return a folder and those of its parents that are not there, the innermost first."""
    found = []
    while not path.exists() and path != path.parent:
        found.append(path)
        path = path.parent
    return found


def _tells_of_trials(journal: Path, *, since: int) -> bool:
    """Say whether a command added a trial, or what came of one, to a journal."""
    if not journal.is_file():
        return False
    with journal.open("rb") as file:
        file.seek(since)
        added = file.read()
    return any(word in added for word in _OF_TRIALS)
