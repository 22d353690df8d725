"""What did `nas finish` find out about one trial? Its test, and the files that were made of it."""

import math
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from nas.finish.which import Which
from nas.objective import Constraint, Objective, objective_for
from nas.record.artefacts import ArtefactRow, read_artefacts
from nas.record.run_folder import RunFolder
from nas.record.winners import WinnerRow, read_winners
from nas.report.values import counted, format_value
from nas.trial import TrialRecord


@dataclass(frozen=True)
class FinishedTrial:
    """A trial that was retrained and tested.

    Attributes:
        row: its test.
        folder: of its files; None where none was made.
        files: those that may be shipped.
        is_lost: files were made, and none is there any more.
    """

    row: WinnerRow
    folder: Path | None
    files: tuple[ArtefactRow, ...]
    is_lost: bool = False

    @property
    def tested(self) -> str:
        """What it reached on the test split, and in how many retrainings, in one line."""
        row = self.row
        mean = format_value(row.metric, row.test_mean)
        told = f"{mean} {row.metric} on the test split"
        if row.num_seeds > 1 and math.isfinite(row.confidence_low):
            low, high = (
                format_value(row.metric, value)
                for value in (row.confidence_low, row.confidence_high)
            )
            return f"{told}, mean of {row.num_seeds} retrainings (95 % interval {low} to {high})"
        return f"{told}, in {counted(row.num_seeds, 'retraining')}"

    def lines(self) -> list[str]:
        """Return what to tell of it."""
        lines = [f"Finished:   {self.tested}"]
        for file in self.files:
            size = format_value("size_bytes", file.size_bytes)
            value = format_value(file.metric, file.test_value)
            lines.append(f"  {Path(file.file).name:<20} {size:>8}  {value} on the test split")
        if self.folder is not None:
            lines.append(f"  in {self.folder}")
            if (self.folder / "predict.py").is_file():
                lines.append(_use_line(self.folder))
        if self.is_lost:
            lines.append("  its files are gone; the nas finish that made them makes them again")
        return lines

    def content(self) -> dict[str, Any]:
        """Return the same as plain values."""
        folder = None if self.folder is None else str(self.folder)
        return {**asdict(self.row), "folder": folder, "files": [asdict(f) for f in self.files]}


def finished_trial(folder: RunFolder, record: TrialRecord) -> FinishedTrial | None:
    """Return what is known of a trial after `nas finish`; None where that did not take it."""
    winners = folder.finish_dir / "winners.csv"
    rows = read_winners(winners) if winners.is_file() else []
    row = next((r for r in rows if r.trial == record.number), None)
    if row is None:
        return None
    artefacts = folder.finish_dir / "artefacts.csv"
    files = read_artefacts(artefacts) if artefacts.is_file() else []
    place = folder.finish_dir / str(record.number)
    made = [f for f in files if Path(f.file).parent == Path(str(record.number)) and not f.refused]
    own = tuple(f for f in made if _is_usable(folder, f))
    return FinishedTrial(row, place if own else None, own, is_lost=bool(made) and not own)


def tested_records(
    folder: RunFolder, records: Sequence[TrialRecord], objectives: Sequence[Objective]
) -> list[TrialRecord]:
    """Return those trials that were retrained and tested, each with what its test says.

    There is none where winners are judged by what is no objective.
    """
    winners = folder.finish_dir / "winners.csv"
    rows = {row.trial: row for row in read_winners(winners)} if winners.is_file() else {}
    metrics = {objective.metric for objective in objectives}
    return [
        replace(record, metrics={**record.metrics, row.metric: row.test_mean})
        for record in records
        if (row := rows.get(record.number)) is not None
        and row.metric in metrics
        and math.isfinite(row.test_mean)
    ]


def folder_of_files(folder: RunFolder, record: TrialRecord) -> Path | None:
    """Return where an earlier `nas finish` left the files of a trial; None where none did.

    Tables show what the last command asked for; the folders of earlier winners stay.
    """
    place = folder.finish_dir / str(record.number)
    return place if (place / "predict.py").is_file() else None


def finished_lines(folder: RunFolder, record: TrialRecord) -> list[str]:
    """Return what `nas finish` found out about a trial; nothing where it never took it."""
    finished = finished_trial(folder, record)
    if finished is not None:
        return finished.lines()
    place = folder_of_files(folder, record)
    if place is None:
        return []
    return [
        f"Finished:   by an earlier nas finish; its test is in {place / 'README.md'}",
        _use_line(place),
    ]


def _use_line(place: Path) -> str:
    return f"Use it:     {use_command(place)}"


def use_command(place: Path, *, model: str | None = None) -> str:
    """Return the line that runs a finished network on inputs of the kind that it has learnt from.

    Args:
        place: the folder of its files.
        model: one of them; None for the one that `predict.py` takes by itself.
    """
    given = "photo.jpg" if (place / "example.png").is_file() else "inputs.npy"
    words = ["python", str(place / "predict.py"), *([] if model is None else ["--model", model])]
    return shlex.join([*words, given])


def files_within(
    folder: RunFolder, limits: Sequence[Constraint], way: Which = Which.AUTO
) -> list[ArtefactRow]:
    """Return the finished files that keep limits, the one to take first; none without a limit.

    A file of 8-bit integers may keep a limit of bytes that its network, as floats, does not. As
    among networks, limits of the quality alone want the smallest, others the best.

    Args:
        folder: of the run.
        limits: on bytes, on latency, or on what files were tested by; files keep no others.
        way: to choose.
    """
    path = folder.finish_dir / "artefacts.csv"
    files = read_artefacts(path) if limits and path.is_file() else []
    within = [file for file in files if _is_usable(folder, file) and _keeps(file, limits)]
    step = -1 if _wants_smallest(within, limits, way) else 1
    return sorted(
        within, key=lambda f: (objective_for(f.metric).loss(f.test_value), f.size_bytes)[::step]
    )


def _wants_smallest(
    files: Sequence[ArtefactRow], limits: Sequence[Constraint], way: Which
) -> bool:
    if way is not Which.AUTO:
        return way is Which.SMALLEST
    return {limit.metric for limit in limits} <= {file.metric for file in files}


def line_of_files_within(
    folder: RunFolder, limits: Sequence[Constraint], way: Which = Which.AUTO
) -> str:
    """Return a line on the finished file to take within limits; empty where there is none."""
    within = files_within(folder, limits, way)
    if not within:
        return ""
    best = within[0]
    size = format_value("size_bytes", best.size_bytes)
    value = format_value(best.metric, best.test_value)
    number = "1 finished file keeps" if len(within) == 1 else f"{len(within)} finished files keep"
    first = "the smallest" if _wants_smallest(within, limits, way) else "the best"
    place = folder.finish_dir / best.file
    program = place.with_name("predict.py")
    use = use_command(place.parent, model=place.name)
    return (
        f"{number} the limits{'' if len(within) == 1 else f'; {first}'}: "
        f"{place} ({best.name}), {size}, {value} {best.metric} on the test split"
    ) + (f"\nUse it:     {use}" if program.is_file() else "")


def content_of_files_within(
    folder: RunFolder, limits: Sequence[Constraint], way: Which = Which.AUTO
) -> list[dict[str, Any]]:
    """Return the same as plain values, each file with its path."""
    return [
        {**asdict(file), "path": str(folder.finish_dir / file.file)}
        for file in files_within(folder, limits, way)
    ]


def _is_usable(folder: RunFolder, file: ArtefactRow) -> bool:
    return not file.refused and (folder.finish_dir / file.file).is_file()


def _keeps(file: ArtefactRow, limits: Sequence[Constraint]) -> bool:
    known = {
        "size_bytes": float(file.size_bytes),
        "latency_ms": file.latency_ms,
        file.metric: file.test_value,
    }
    values = [(limit, known.get(limit.metric, math.nan)) for limit in limits]
    return all(math.isfinite(value) and not limit.excess(value) for limit, value in values)
