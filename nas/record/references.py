"""references.csv: what a search is compared with. Its rows are no trials and stand on no front.

Trivial models say from where on accuracy is worth something. Hand-made networks, trained like a
trial, say what the search gained.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.objective import Objective
from nas.record.rows import read_rows, write_rows

REFERENCES_CSV = "references.csv"
TRIVIAL, HAND_MADE = "trivial", "hand-made"


@dataclass(frozen=True)
class Reference:
    """One model that a search is compared with; NaN where a number is not known.

    Attributes:
        name: what it is, such as "most frequent class".
        kind: `TRIVIAL` or `HAND_MADE`.
        accuracy: from 0 to 1, in references.csv on the validation split.
        size_bytes: of its weights, as 32-bit floats.
        num_params: trained numbers.
        num_macs: multiply-accumulates of one example.
        seconds: of training and judging.
    """

    name: str
    kind: str
    accuracy: float
    size_bytes: float
    num_params: float
    num_macs: float
    seconds: float

    def value(self, metric: str) -> float:
        """Return what is known of a metric; NaN for nothing."""
        return float(getattr(self, metric, math.nan))


def floors_of(
    references: Sequence[Reference], objectives: Sequence[Objective]
) -> tuple[tuple[float, ...], ...]:
    """Return the losses that trivial models reach, one floor each: infinite for costs.

    A network that is smaller than a trivial model and less accurate is of no use either, so sizes
    take no part.
    """
    floors = []
    for reference in references:
        if reference.kind != TRIVIAL:
            continue
        told = [math.inf if o.is_static else o.loss(reference.value(o.metric)) for o in objectives]
        floor = tuple(math.inf if math.isnan(loss) else loss for loss in told)
        if not all(map(math.isinf, floor)):
            floors.append(floor)
    return tuple(floors)


def write_references(path: Path, references: Sequence[Reference]) -> None:
    """Write the rows, whole or not at all."""
    write_rows(path, references, kind=Reference)


def read_references(path: Path) -> list[Reference]:
    """Return what a run was compared with; nothing where it has no such file.

    Raises:
        RunFolderError: the file is damaged.
    """
    if not path.is_file():
        return []
    return read_rows(path, kind=Reference, made_by=f"nas search name={path.parent.name}")
