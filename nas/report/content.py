"""What does the page of a run show, all of it read from the run folder?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nas.device.device import KnownDevice
from nas.objective import Constraint, Objective
from nas.record.artefacts import ArtefactRow
from nas.record.references import Reference, floors_of
from nas.record.spent import Spent
from nas.record.winners import WinnerRow
from nas.report.curations import Steps
from nas.report.front import Floors, front_records
from nas.report.limits import limit_floors
from nas.trial import TrialRecord


@dataclass(frozen=True)
class Report:
    """Everything that a page is made of.

    Attributes:
        name: the run's name.
        records: its trials.
        objectives: what it made better.
        config: the text of config.yaml; empty where there is none.
        environment: what environment.json holds; empty where there is none.
        weights: trial -> relative folder of its weights, where they are kept.
        winners: what `nas finish` found out, smallest first.
        files: what `nas finish` made of them.
        spent: what the commands of the search noted.
        devices: that times were predicted for, by name.
        references: what the search is compared with.
        limits: on what was measured, which trials should keep.
        curations: what was done to the training texts that trials chose among.
        front: the front, smallest first; follows from the records.
    """

    name: str
    records: Sequence[TrialRecord]
    objectives: Sequence[Objective]
    config: str = ""
    environment: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[int, str] = field(default_factory=dict)
    winners: Sequence[WinnerRow] = ()
    files: Sequence[ArtefactRow] = ()
    spent: Sequence[Spent] = ()
    devices: Mapping[str, KnownDevice] = field(default_factory=dict)
    references: Sequence[Reference] = ()
    limits: Sequence[Constraint] = ()
    curations: Steps = field(default_factory=dict)
    front: Sequence[TrialRecord] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "front", front_records(self.records, self.objectives))

    @property
    def floors(self) -> Floors:
        """Losses from which on a point counts."""
        trivial = floors_of(self.references, self.objectives)
        return (*trivial, *limit_floors(self.limits, self.objectives))
