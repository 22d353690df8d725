"""believed.csv: what the sampler's model believes of each training's noisy results.

A reading on few validation examples is a lucky one for some networks, and these stand on the front
for that reason. The model that guided the search expects of each network what all results together
tell; winners are chosen by that (`nas.finish.choose`), and everything that is shown is what was
measured.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from nas.errors import RunFolderError
from nas.record.rows import read_rows, write_rows
from nas.trial import TrialRecord

BELIEVED_CSV = "believed.csv"
# Number of a trial -> metric -> value.
Beliefs: TypeAlias = Mapping[int, Mapping[str, float]]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Belief:
    """What one measured value is believed to be.

    Attributes:
        trial: its number.
        metric: its name.
        measured: as the training told it.
        believed: as the model expects it, after all results.
    """

    trial: int
    metric: str
    measured: float
    believed: float


def write_beliefs(path: Path, records: Sequence[TrialRecord], beliefs: Beliefs) -> None:
    """Write them, whole or not at all; without any, remove what an earlier command wrote."""
    if not beliefs:
        path.unlink(missing_ok=True)
        return
    known = {record.number: record for record in records}
    rows = [
        Belief(number, metric, known[number].metrics[metric], value)
        for number, values in sorted(beliefs.items())
        for metric, value in sorted(values.items())
    ]
    write_rows(path, rows, kind=Belief)


def read_beliefs(path: Path, records: Sequence[TrialRecord]) -> Beliefs:
    """Return what is believed of these trials; nothing where the file is not of just these.

    It is written when a command ends, so a command that was killed leaves an older one or none.
    Of a compressed variant, which no sampler sees, the same is believed as of its parent: its
    training and its examples were lucky by as much.

    Args:
        path: the file.
        records: trials that may win; each must be in the file as it was measured.
    """
    if not path.is_file():
        return {}
    try:
        rows = read_rows(path, kind=Belief, made_by=f"nas search name={path.parent.name}")
    except RunFolderError as error:  # nothing depends on it
        _LOG.warning("%s is left out of account: %s", path.name, error)
        return {}
    metrics = sorted({row.metric for row in rows})
    luck = {(row.trial, row.metric): row.measured - row.believed for row in rows}
    measured = {(row.trial, row.metric): row.measured for row in rows}
    found: dict[int, dict[str, float]] = {}
    for record in records:
        source = record.number if record.parent is None else record.parent
        for metric in metrics:
            value = record.metrics.get(metric, math.nan)
            is_told = (source, metric) in luck
            if not is_told or (record.parent is None and measured[source, metric] != value):
                _LOG.info("%s is older than the trials, so it is left out of account", path.name)
                return {}
            found.setdefault(record.number, {})[metric] = value - luck[source, metric]
    return found
