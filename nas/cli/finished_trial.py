"""What did `nas finish` find out about one trial? Its test, and the files that were made of it."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

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
    """

    row: WinnerRow
    folder: Path | None
    files: tuple[ArtefactRow, ...]

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
                lines.append(f"Use it:     python {self.folder / 'predict.py'} photo.jpg")
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
    own = [f for f in files if Path(f.file).parent == Path(str(record.number)) and not f.refused]
    return FinishedTrial(row, place if own else None, tuple(own))
