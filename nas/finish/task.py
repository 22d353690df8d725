"""What a `nas finish` is asked to do, and what it did."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from nas.device.device import KnownDevice
from nas.evaluation.winner_metric import AnyData, WinnerMetric, winner_metric_of
from nas.export.settings import ExportSettings
from nas.finish.baselines import Baselines
from nas.finish.choose import Pick
from nas.finish.length import Lengths
from nas.finish.length_question import Patience
from nas.finish.ranking import Ranking
from nas.finish.shrink import Shrinking
from nas.finish.teach import TeacherChoice
from nas.objective import Objective
from nas.record.artefacts import ArtefactRow
from nas.record.references import Reference
from nas.record.winners import WinnerRow
from nas.space.space import SearchSpace
from nas.train.recipe import Recipe
from nas.trial import Failure, TrialRecord


@dataclass(frozen=True)
class FinishTask:
    """What to finish.

    Attributes:
        space: builds the models.
        dataset: all three splits.
        recipe: the full recipe.
        objectives: of the search.
        records: trials that may stand on its front.
        pick: which records to take.
        num_seeds: retrainings of each, at least 1.
        seed: of the run.
        baselines: reference points.
        export: which files to make of each winner; None for none.
        teaching: a distillation of the winners; None for none.
        shrinking: of the winners, and how variants that the search chose are trained on.
        grid_g_per_kwh: grams of CO2 for a kilowatt hour here; None if it is not stated.
        license: of the weights, as the user states it; for the model cards.
        command: what makes the files again; for the model cards.
        num_threads: CPU threads of a training.
        gpu_share: GPUs of a training; None where there are none.
        patience: what bounds the trainings, whose length is then found out; None: the recipe's.
        search_epochs: of a trial of the search; None where it is not known.
        devices: that the search predicted times for, by name.
        num_slots: trainings that run at once.
    """

    space: SearchSpace
    dataset: AnyData
    recipe: Recipe
    objectives: tuple[Objective, ...]
    records: tuple[TrialRecord, ...]
    pick: Pick = field(default_factory=Pick)
    num_seeds: int = 3
    seed: int = 0
    baselines: Baselines = field(default_factory=Baselines)
    export: ExportSettings | None = None
    teaching: TeacherChoice | None = None
    shrinking: Shrinking = field(default_factory=Shrinking)
    grid_g_per_kwh: float | None = None
    license: str = ""
    command: str = ""
    num_threads: float = 1
    gpu_share: float | None = None
    patience: Patience | None = None
    search_epochs: int | None = None
    devices: Mapping[str, KnownDevice] = field(default_factory=dict)
    num_slots: int = 1

    @property
    def winner_metric(self) -> WinnerMetric:
        """What the winners are judged by."""
        return winner_metric_of(self.dataset, self.objectives)


@dataclass(frozen=True)
class FinishSummary:
    """What a `nas finish` did.

    Attributes:
        rows: winners and baselines that were confirmed, smallest first.
        taught: the winners again, trained with a teacher.
        shrunk: the winners again, made smaller.
        artefacts: the files of the winners.
        is_interrupted: a signal ended the command early; given again, it continues.
        failures: name of a job and why it failed.
        lengths: how long the winners trained, and why; None where as the recipe says.
        ranking: whether the search trained long enough to choose by; None where nothing tells.
        trivial: models that need no network, judged on the test split as winners are.
    """

    rows: tuple[WinnerRow, ...]
    taught: tuple[WinnerRow, ...]
    shrunk: tuple[WinnerRow, ...]
    artefacts: tuple[ArtefactRow, ...]
    is_interrupted: bool
    failures: tuple[tuple[str, Failure], ...]
    lengths: Lengths | None = None
    ranking: Ranking | None = None
    trivial: tuple[Reference, ...] = ()
