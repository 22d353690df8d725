"""`nas repair`: saves what is whole of a damaged run folder; nothing is thrown away."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nas.cli.commands import REPAIR
from nas.cli.flags import parse_settings
from nas.errors import NasError, RunFolderError
from nas.exit_status import ExitStatus

if TYPE_CHECKING:
    from nas.objective import Objective
    from nas.record.run_folder import RunFolder

_NUM_SHOWN = 10  # lines that are named


def run(words: Sequence[str]) -> int:
    """Repair one run folder."""
    settings = parse_settings(words, REPAIR)
    from nas.record.lease import Lease
    from nas.record.run_folder import RunFolder
    from nas.record.tidying import tidy

    folder = RunFolder.at(Path(settings["run"]))
    told = tidy(folder)
    lease = Lease(folder.path / ".lease")
    try:
        told += _mend(folder.study_journal, lambda content: _mend_journal(folder, content))
        if folder.finish_dir.is_dir():
            told += _mend_finish(folder)
        _check(folder)
    finally:
        lease.release()
        for line in told:
            print(line)
    if not told:
        print(f"{folder.path} is whole; nothing was changed")
    return ExitStatus.DONE


def _mend(path: Path, mend: Callable[[bytes], tuple[bytes, list[str]] | None]) -> list[str]:
    """Replace a file that needs it, and keep the original; return what was done."""
    from nas.files import write_bytes
    from nas.record.aside import keep_original
    from nas.record.reading import is_there, read_bytes

    if not is_there(path):
        return []
    path = path.resolve()
    content = read_bytes(path, remedy="move it away and bring it back from a copy")
    mended = mend(content)
    if mended is None:
        return []
    kept = keep_original(path)
    write_bytes(path, mended[0])
    return [*mended[1], f"  the original is {kept}"]


def _mend_journal(folder: "RunFolder", content: bytes) -> tuple[bytes, list[str]] | None:
    from nas.report.values import counted
    from nas.study.journal_repair import is_whole, repaired

    if is_whole(content):
        return None
    repair = repaired(content, name=folder.name, objectives=_objectives(folder))
    head = f"{folder.study_journal}: {counted(repair.num_trials, 'trial')} kept"
    num = len(repair.dropped)
    told = f"; {counted(num, 'damaged line')} left out:" if num else ""
    lines = [head + (told or "; its lines are in order again"), *_listed(repair.dropped)]
    if repair.lost_trials:
        numbers = ", ".join(map(str, repair.lost_trials[:_NUM_SHOWN]))
        more = "…" if len(repair.lost_trials) > _NUM_SHOWN else ""
        lines.append(f"  lost, and now failed trials without parameters: {numbers}{more}")
    return repair.content, lines


def _mend_finish(folder: "RunFolder") -> list[str]:
    from nas.finish.ledger import whole_lines
    from nas.record.lease import Lease
    from nas.report.values import counted

    def mend(content: bytes) -> tuple[bytes, list[str]] | None:
        kept, dropped = whole_lines(content, has_weights=lambda job: _has_weights(folder, job))
        head = (
            f"{ledger}: {counted(len(dropped), 'line')} left out; nas finish measures them again"
        )
        return (kept, [head, *_listed(dropped)]) if dropped else None

    ledger = folder.finish_dir / "ledger.jsonl"
    lease = Lease(folder.finish_dir / ".lease")
    try:
        return _mend(ledger, mend)
    finally:
        lease.release()


def _has_weights(folder: "RunFolder", job: str) -> bool:
    """Say whether the weights of a training are not damaged; damaged ones are moved aside."""
    from nas.finish.kept_weights import read_weights
    from nas.finish.retrain import weights_path
    from nas.record.aside import set_aside
    from nas.record.reading import is_there

    path = weights_path(folder.finish_dir, job)
    if not is_there(path):
        return True
    try:
        read_weights(path)
    except RunFolderError:
        set_aside(path)
        return False
    return True


def _listed(dropped: Sequence[tuple[int, str]]) -> list[str]:
    lines = [f"  line {at}: {why}" for at, why in dropped[:_NUM_SHOWN]]
    more = len(dropped) - _NUM_SHOWN
    return [*lines, f"  and {more} more"] if more > 0 else lines


def _objectives(folder: "RunFolder") -> "Sequence[Objective]":
    from nas.config.recorded import recorded_objectives

    try:
        return recorded_objectives(folder)
    except NasError:
        return ()


def _check(folder: "RunFolder") -> None:
    """Say what only a copy can mend."""
    from nas.config.recorded import read_source, recorded_objectives

    if not folder.study_journal.is_file():
        raise RunFolderError(f"there is no {folder.study_journal}; bring it back from a copy")
    recorded_objectives(folder)
    read_source(folder)
