"""winners.csv: what `nas finish` found out about each network that it confirmed.

One row for each winner and each baseline, smallest first. The numbers of the search stand beside
those of the test split, so that anybody can see how optimistic the search was.
"""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from nas.errors import RunFolderError
from nas.files import write_text


@dataclass(frozen=True)
class WinnerRow:
    """A confirmed network. Shares are from 0 to 1; NaN where a number is not known.

    Attributes:
        name: "trial 12", or the name of a baseline.
        is_baseline: a reference point that no search chose.
        trial: its number in the search; -1 for a baseline.
        architecture_id: of the architecture.
        num_params: trained numbers.
        num_macs: multiply-accumulates of one example.
        size_bytes: of the stored weights.
        search_accuracy: on the validation split, in the search; NaN for a baseline.
        test_accuracy: on the test split, mean over retrainings.
        test_std: deviation over retrainings.
        confidence_low: 95 % interval for the mean over retrainings.
        confidence_high: likewise.
        prediction_low: 95 % interval for one further retraining.
        prediction_high: likewise.
        sampling_std: deviation that another test split of the same size would add.
        num_seeds: retrainings.
        beaten_by: a network that is no larger and better by more than the noise; empty if none.
    """

    name: str
    is_baseline: bool
    trial: int
    architecture_id: str
    num_params: float
    num_macs: float
    size_bytes: float
    search_accuracy: float
    test_accuracy: float
    test_std: float
    confidence_low: float
    confidence_high: float
    prediction_low: float
    prediction_high: float
    sampling_std: float
    num_seeds: int
    beaten_by: str

    @property
    def optimism(self) -> float:
        """By how much the search's number was above the confirmed one."""
        return self.search_accuracy - self.test_accuracy


def write_winners(path: Path, rows: Sequence[WinnerRow]) -> None:
    """Write the rows, whole or not at all; NaN becomes an empty cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(WinnerRow)], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in asdict(row).items()})
    write_text(path, text.getvalue())


def read_winners(path: Path) -> list[WinnerRow]:
    """Read what `write_winners` wrote.

    Raises:
        RunFolderError: there is no such file.
    """
    if not path.is_file():
        raise RunFolderError(f"there is no {path}; make it by nas finish run={path.parents[1]}")
    with path.open(newline="") as file:
        return [
            WinnerRow(**{f.name: _value(str(f.type), row[f.name]) for f in fields(WinnerRow)})
            for row in csv.DictReader(file)
        ]


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if isinstance(value, float) and math.isnan(value) else value


def _value(kind: str, cell: str) -> Any:
    kind = kind.removeprefix("<class '").removesuffix("'>")
    match kind:
        case "bool":
            return cell == "true"
        case "int":
            return int(cell)
        case "float":
            return float(cell) if cell else math.nan
        case _:
            return cell
