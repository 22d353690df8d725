"""What do `nas show` and `nas pick` know of a run? Its trials, its front, and who stands where."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nas.config.recorded import read_mapping, recorded_limits, recorded_objectives
from nas.engine.weights import FrontWeights
from nas.errors import ConfigError
from nas.objective import Constraint, Objective
from nas.record.lease import is_held
from nas.record.references import REFERENCES_CSV, Reference, floors_of, read_references
from nas.record.run_folder import LEASE, RunFolder
from nas.report.front import Floors, front_records, knee_record
from nas.report.limits import limit_floors
from nas.study.journal import load_records
from nas.trial import TrialRecord, TrialState

CUT = "not ended"  # of a trial whose search ended first
_NUM_SHOWN = 12  # trials that an error lists


@dataclass(frozen=True)
class RunView:
    """A run as it is on disk.

    Attributes:
        folder: of the run.
        records: its trials, by number.
        objectives: what it made better.
        limits: on what training measures.
        references: what it is compared with.
    """

    folder: RunFolder
    records: tuple[TrialRecord, ...]
    objectives: tuple[Objective, ...]
    limits: tuple[Constraint, ...]
    references: tuple[Reference, ...]

    @classmethod
    def open(cls, place: str) -> "RunView":
        """Read a run.

        Raises:
            RunFolderError: there is none, or it is damaged.
        """
        folder = RunFolder.open(Path(place))
        objectives = recorded_objectives(folder)
        records = sorted(load_records(folder.study_journal), key=lambda record: record.number)
        return cls(
            folder,
            tuple(records),
            objectives,
            recorded_limits(folder, objectives),
            tuple(read_references(folder.path / REFERENCES_CSV)),
        )

    @property
    def has_networks(self) -> bool:
        """Whether there is something to retrain; a table has results alone."""
        return read_mapping(self.folder.config_yaml).get("table") is None

    @cached_property
    def front(self) -> list[TrialRecord]:
        """The members of the front, smallest first."""
        return front_records(self.records, self.objectives)

    @property
    def floors(self) -> Floors:
        """The losses from which on a trial counts."""
        trivial = floors_of(self.references, self.objectives)
        return (*trivial, *limit_floors(self.limits, self.objectives))

    @property
    def knee(self) -> TrialRecord | None:
        """The knee of the front."""
        return knee_record(self.front, self.objectives, floors=self.floors)

    @cached_property
    def is_searched_now(self) -> bool:
        """Whether a search is at work in the folder."""
        return is_held(self.folder.path / LEASE)

    def state_of(self, record: TrialRecord) -> str:
        """Return how a trial stands: one that ran when its search ended runs no longer."""
        is_over = record.state is TrialState.RUNNING and not self.is_searched_now
        return CUT if is_over else record.state.value

    def trial(self, number: str) -> TrialRecord:
        """Return a trial by what was typed.

        Raises:
            ConfigError: there is no such trial.
        """
        known = {str(record.number): record for record in self.records}
        if number not in known:
            front = [str(record.number) for record in self.front]
            shown = ", ".join(front[:_NUM_SHOWN]) or "none"
            more = f" and {len(front) - _NUM_SHOWN} more" if len(front) > _NUM_SHOWN else ""
            raise ConfigError(
                f"{self.folder.name} has no trial {number[:40]!r}; it has {len(known)}, and on "
                f"its front are {shown}{more}"
            )
        return known[number]

    def weights_of(self, record: TrialRecord) -> Path | None:
        """Return the file with a trial's weights; None where the run keeps none of it."""
        if not FrontWeights(self.folder.models_dir).has(record.number):
            return None
        return self.folder.model_dir(record.number) / "weights.safetensors"
