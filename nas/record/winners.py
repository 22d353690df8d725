"""winners.csv: what `nas finish` found out about each network that it confirmed.

One row for each winner and each baseline, smallest first. The numbers of the search stand beside
those of the test split, so that anybody can see how optimistic the search was.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.errors import RunFolderError
from nas.metric import Direction, is_share
from nas.objective import objective_for
from nas.record.rows import read_rows, write_rows


@dataclass(frozen=True)
class WinnerRow:
    """A confirmed network. Shares are from 0 to 1; NaN where a number is not known.

    Winners are judged by `metric`, in its own unit; deviations and intervals are in that unit.

    Attributes:
        name: "trial 12", or the name of a baseline.
        is_baseline: a reference point that no search chose.
        trial: its number in the search; -1 for a baseline.
        architecture_id: of the architecture.
        num_params: trained numbers.
        num_macs: multiply-accumulates of one example.
        size_bytes: of the stored weights.
        metric: what it was judged by: "accuracy", or what a task of the user's measures.
        search_value: on the validation split, in the search; NaN for a baseline.
        test_mean: on the test split, mean over retrainings.
        test_std: deviation over retrainings.
        confidence_low: 95 % interval for the mean over retrainings.
        confidence_high: likewise.
        prediction_low: 95 % interval for one further retraining.
        prediction_high: likewise.
        sampling_std: deviation that another test split of the same size would add; NaN for what
            is no share of examples.
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
    metric: str
    search_value: float
    test_mean: float
    test_std: float
    confidence_low: float
    confidence_high: float
    prediction_low: float
    prediction_high: float
    sampling_std: float
    num_seeds: int
    beaten_by: str

    @property
    def of_retrainings(self) -> str:
        """What the test value is: of one retraining, or the mean of several."""
        return "one retraining" if self.num_seeds == 1 else f"mean of {self.num_seeds} retrainings"

    @property
    def optimism(self) -> float:
        """By how much the search's number was better than the confirmed one."""
        gap = self.search_value - self.test_mean
        return gap if objective_for(self.metric).direction is Direction.MAXIMIZE else -gap


def write_winners(path: Path, rows: Sequence[WinnerRow]) -> None:
    """Write the rows, whole or not at all; NaN becomes an empty cell."""
    write_rows(path, rows, kind=WinnerRow)


def read_winners(path: Path) -> list[WinnerRow]:
    """Read what `write_winners` wrote.

    Raises:
        RunFolderError: there is no such file, or it is damaged.
    """
    made_by = f"nas finish run={path.parents[1]}"
    rows = read_rows(path, kind=WinnerRow, made_by=made_by)
    for row in rows:
        if is_share(row.metric) and not (math.isnan(row.test_mean) or 0 <= row.test_mean <= 1):
            raise RunFolderError(
                f"{path} is damaged ({row.name}: {row.metric} {row.test_mean:g} is no share); "
                f"remove it and make it again by {made_by}"
            )
    return rows
