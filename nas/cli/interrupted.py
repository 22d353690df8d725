"""What is said of a command that a signal ended: what is kept, and the line that goes on."""

from collections.abc import Sequence
from pathlib import Path

from nas.cli.missing import resume_command
from nas.record.run_folder import RunFolder
from nas.report.values import counted
from nas.study.journal import load_records
from nas.trial import TrialRecord, TrialState, trainings


def search_interrupted(place: Path) -> str:
    """Return what is kept of a search that did not come to its own end.

    Args:
        place: of its run folder, which may be gone again.
    """
    folder = RunFolder(place.absolute())
    if not folder.holds_run():
        return "interrupted before the first trial; nothing was written. The same line starts anew"
    journal = folder.study_journal
    return interrupted_text(folder, load_records(journal) if journal.is_file() else [])


def interrupted_text(folder: RunFolder, records: Sequence[TrialRecord]) -> str:
    """Return how many trials are kept, and the command that goes on."""
    ended = [r for r in trainings(records) if r.state is not TrialState.RUNNING]
    kept = f"{counted(len(ended), 'trial')} on record" if ended else "no trial has ended yet"
    return f"interrupted; {kept}. Go on with:\n  {resume_command(folder)}"
