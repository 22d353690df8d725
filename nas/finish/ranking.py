"""Did the search train long enough to choose by? Its ranking of the winners, against a long one.

A search ranks networks after short trainings. Here the winners have been trained for as long as
they need, with several seeds, and tested; so have some networks of their size that the search put
behind them (`nas.finish.rivals`). Pairs that now differ by more than the noise say whether the
order of the search was the right one. A larger network is better in trainings of any length, so
only pairs of like size count, and winners that are next to each other in size.
"""

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nas.files import write_text
from nas.record.winners import WinnerRow

MAX_REVERSED = 0.2  # share of the pairs that may stand the other way round
MIN_PAIRS = 5  # fewer that agree prove nothing: of 4 coins, 1 in 16 throws is all heads
MAX_TIMES = 1.5  # between the bytes of two networks of like size


@dataclass(frozen=True)
class Ranking:
    """How the order of the search and that of long trainings agree.

    Attributes:
        search_epochs: of a trial.
        epochs: of the longest retraining.
        num_pairs: pairs of networks, alike in size, that differ in test by more than the noise.
        num_reversed: those of them that the search had the other way round.
        correlation: Kendall's rank correlation over all such pairs, -1 to 1.
    """

    search_epochs: int
    epochs: int
    num_pairs: int
    num_reversed: int
    correlation: float

    @property
    def is_too_short(self) -> bool:
        """Whether too many pairs are reversed for the search's order to be relied on."""
        return self.num_reversed > MAX_REVERSED * self.num_pairs

    def describe(self) -> str:
        """Return a sentence or two for people."""
        before, after = f"{self.search_epochs} epochs", f"{self.epochs}"
        if not self.num_pairs:
            return (
                f"Whether the search's {before} were enough to choose by cannot be told: no two "
                "networks of like size differ by more than the noise."
            )
        verb = "stands" if self.num_reversed == 1 else "stand"
        found = (
            f"of {self.num_pairs} pairs of like size that differ by more than the noise after "
            f"{after} epochs, {self.num_reversed} {verb} the other way round than in the search "
            f"(rank correlation of all pairs {self.correlation:.2f})"
        )
        if not self.is_too_short:
            if self.num_pairs < MIN_PAIRS:
                return f"Too few pairs tell whether {before} are enough to choose by: {found}."
            return f"The search's {before} were enough to choose by: {found}."
        longer = max(2 * self.search_epochs, self.epochs // 4)
        return (
            f"The search's {before} were too short to choose by: {found}. Search with longer "
            f"trainings: nas search training.epochs={longer}"
        )


def ranking_of(
    rows: Sequence[WinnerRow], *, search_epochs: int | None, epochs: int
) -> Ranking | None:
    """Compare the two orders; None where there are no two networks that both judged.

    Args:
        rows: winners, their rivals and baselines; only what the search judged counts.
        search_epochs: of a trial; None where it is not known.
        epochs: of the longest retraining.
    """
    known = [row for row in rows if not row.is_baseline and not math.isnan(row.search_value)]
    pairs = _comparable(known)
    if not pairs or search_epochs is None or epochs <= search_epochs:
        return None
    agreements = [_agreement(*pair) for pair in pairs]
    decided = [
        agreement
        for agreement, pair in zip(agreements, pairs, strict=True)
        if abs(pair[0].test_mean - pair[1].test_mean) > _noise(*pair) and agreement != 0
    ]
    return Ranking(
        search_epochs=search_epochs,
        epochs=epochs,
        num_pairs=len(decided),
        num_reversed=sum(agreement < 0 for agreement in decided),
        correlation=sum(agreements) / len(pairs),
    )


def are_alike(size: float, other: float) -> bool:
    """Say whether two sizes, in bytes, are so near that the larger network need not be better."""
    return max(size, other) <= MAX_TIMES * min(size, other)


def _comparable(rows: Sequence[WinnerRow]) -> list[tuple[WinnerRow, WinnerRow]]:
    """Return the pairs of like size, and those that are next to each other in size."""
    ordered = sorted(rows, key=lambda row: row.size_bytes)
    return [
        (ordered[i], ordered[j])
        for i, j in itertools.combinations(range(len(ordered)), 2)
        if j == i + 1 or are_alike(ordered[i].size_bytes, ordered[j].size_bytes)
    ]


def write_ranking(folder: Path, ranking: Ranking) -> None:
    """Write ranking.json into the `finish` folder."""
    told = {**asdict(ranking), "is_too_short": ranking.is_too_short, "says": ranking.describe()}
    write_text(folder / "ranking.json", json.dumps(told, indent=1) + "\n")


def _agreement(one: WinnerRow, other: WinnerRow) -> int:
    """Return 1 where search and test have two winners in the same order, -1 if not; 0 at ties."""
    difference = one.search_value - other.search_value
    product = difference * (one.test_mean - other.test_mean)
    return (product > 0) - (product < 0)


def _noise(one: WinnerRow, other: WinnerRow) -> float:
    """Return what a difference of two means must exceed: their 95 % half-intervals, in squares."""
    return math.hypot(*(_half(row) for row in (one, other)))


def _half(row: WinnerRow) -> float:
    half = (row.confidence_high - row.confidence_low) / 2
    if not math.isnan(half):
        return half
    return 0.0 if math.isnan(row.sampling_std) else 1.96 * row.sampling_std
