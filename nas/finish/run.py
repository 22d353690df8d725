"""The order of `nas finish`: choose, confirm, then make each winner into files.

Everything that takes time is kept as soon as it is known, so the command may be killed at any
point and goes on when it is given again.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from safetensors.torch import load as load_safetensors

from nas.data.dataset import Dataset
from nas.evaluation.evaluator import Evaluator
from nas.files import write_text
from nas.finish.baselines import WithBaselines, hand_made, random_at_equal_cost
from nas.finish.card import Circumstances, model_card
from nas.finish.choose import Pick, choose
from nas.finish.confirm import Candidate, Plan, candidate_of, confirmed_rows, data_key
from nas.finish.export import ExportSettings, Trained, export_network
from nas.finish.ledger import Ledger
from nas.finish.onnx_files import require_onnx
from nas.finish.retrain import Crew, Job, Outcome, final_evaluator, run_jobs, weights_path
from nas.objective import Objective
from nas.record.artefacts import ArtefactRow, write_artefacts
from nas.record.environment import collect_environment
from nas.record.lease import Lease
from nas.record.run_folder import RunFolder
from nas.record.winners import WinnerRow, write_winners
from nas.space.space import SearchSpace
from nas.train.recipe import Recipe
from nas.trial import Failure, TrialRecord

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Baselines:
    """Which reference points to add.

    Attributes:
        hand_made: name of a baseline -> widths, one network for each.
        num_random: winners beside which a random architecture of equal cost is put.
    """

    hand_made: dict[str, tuple[float, ...]] = field(default_factory=dict)
    num_random: int = 0


@dataclass(frozen=True)
class FinishTask:
    """What to finish.

    Attributes:
        space: builds the models.
        dataset: all three splits.
        recipe: the full recipe.
        objectives: of the search.
        records: trials that may stand on its front.
        pick: which of them to take.
        num_seeds: retrainings of each, at least 1.
        seed: of the run.
        baselines: reference points.
        export: which files to make of each winner; None for none.
        license: of the weights, as the user states it; for the model cards.
        command: what makes the files again; for the model cards.
        num_threads: CPU threads of a training.
        gpu_share: GPUs of a training; None where there are none.
    """

    space: SearchSpace
    dataset: Dataset
    recipe: Recipe
    objectives: tuple[Objective, ...]
    records: tuple[TrialRecord, ...]
    pick: Pick = field(default_factory=Pick)
    num_seeds: int = 3
    seed: int = 0
    baselines: Baselines = field(default_factory=Baselines)
    export: ExportSettings | None = field(default_factory=ExportSettings)
    license: str = ""
    command: str = ""
    num_threads: float = 1
    gpu_share: float | None = None


@dataclass(frozen=True)
class FinishSummary:
    """What came of it.

    Attributes:
        rows: winners and baselines that were confirmed, smallest first.
        artefacts: the files that were made of the winners.
        is_interrupted: a signal ended it; the same command goes on.
        failures: name of a job and why it failed.
    """

    rows: tuple[WinnerRow, ...]
    artefacts: tuple[ArtefactRow, ...]
    is_interrupted: bool
    failures: tuple[tuple[str, Failure], ...]


def run_finish(
    task: FinishTask,
    *,
    folder: RunFolder,
    crew: Crew,
    publish: Callable[[Sequence[WinnerRow]], None],
) -> FinishSummary:
    """Choose, confirm and export, and leave everything in the run's `finish` folder.

    Args:
        task: what to finish.
        folder: of the run.
        crew: workers and onlookers.
        publish: draws what `winners.csv` says; called when the confirmation ends.

    Raises:
        ConstraintError: nothing fits what was asked for.
        ConfigError: a setting does not fit the run.
        ExecutionError: workers cannot be had.
        RunFolderError: another process writes in this folder.
        MissingPackageError: files are wanted that need a package which is not installed.
    """
    if task.export is not None and task.export.onnx:
        require_onnx()
    chosen = choose(task.records, objectives=task.objectives, pick=task.pick)
    lease = Lease(folder.finish_dir / ".lease")
    try:
        finish = _Finish(task, folder, crew)
        outcome = finish.confirm(chosen)
        publish(finish.rows)
        if task.export is not None and not outcome.is_interrupted:
            finish.export(task.export)
        return FinishSummary(
            tuple(finish.rows), tuple(finish.artefacts), outcome.is_interrupted, outcome.failures
        )
    finally:
        lease.release()


class _Finish:
    """The state of one `nas finish`."""

    def __init__(self, task: FinishTask, folder: RunFolder, crew: Crew) -> None:
        self._task = task
        self._folder = folder.finish_dir
        self._crew = crew
        self._ledger = Ledger(self._folder / "ledger.jsonl")
        self._space = WithBaselines(task.space)
        self._evaluator = final_evaluator(
            self._space,
            task.dataset,
            task.recipe,
            num_threads=task.num_threads,
            gpu_share=task.gpu_share,
        )
        self._plan = Plan(task.recipe, task.num_seeds, task.seed, data_key(task.dataset))
        self._winners: list[Candidate] = []
        self.rows: list[WinnerRow] = []
        self.artefacts: list[ArtefactRow] = []

    def confirm(self, chosen: Sequence[TrialRecord]) -> Outcome:
        """Retrain and test; write winners.csv."""
        self._winners = [candidate_of(record) for record in chosen]
        candidates = self._winners + baselines_of(self._task, self._winners, self._evaluator)
        _warn_if_tested_before(self._ledger, self._plan, candidates)
        # Seed by seed: what is killed early has one retraining of all rather than all of one.
        by_seed = zip(*map(self._plan.jobs_of, candidates), strict=True)
        outcome = run_jobs(
            [job for jobs in by_seed for job in jobs],
            evaluator=self._evaluator,
            ledger=self._ledger,
            folder=self._folder,
            crew=self._crew,
        )
        self.rows = confirmed_rows(
            candidates,
            plan=self._plan,
            ledger=self._ledger,
            num_examples=len(self._task.dataset.test),
            costs={
                c.architecture.id: self._evaluator.static_costs(c.architecture) for c in candidates
            },
        )
        write_winners(self._folder / "winners.csv", self.rows)
        return outcome

    def export(self, settings: ExportSettings) -> None:
        """Make the files of each winner; write artefacts.csv and the model cards."""
        circumstances = Circumstances(
            dataset=self._task.dataset,
            recipe=self._task.recipe,
            environment=collect_environment(),
            license=self._task.license,
            command=self._task.command,
        )
        rows = {row.architecture_id: row for row in self.rows}
        for winner in self._winners:
            job = self._plan.jobs_of(winner)[0]
            if job.key not in self._ledger:
                continue
            assert winner.record is not None, "a winner is a trial"
            place = str(winner.record.number)
            made = self._export_one(winner, job, place, settings)
            self.artefacts += made
            card = model_card(
                rows[winner.architecture.id],
                made,
                architecture=winner.architecture,
                circumstances=circumstances,
            )
            write_text(self._folder / place / "README.md", card)
        write_artefacts(self._folder / "artefacts.csv", self.artefacts)

    def _export_one(
        self, winner: Candidate, job: Job, place: str, settings: ExportSettings
    ) -> list[ArtefactRow]:
        weights = weights_path(self._folder, job.key).read_bytes()
        model = self._space.build(winner.architecture, self._task.dataset.shape)
        model.load_state_dict(load_safetensors(weights))
        return export_network(
            Trained(winner.name, "retrained", job.key, winner.architecture, weights),
            model,
            dataset=self._task.dataset,
            folder=self._folder,
            place=place,
            settings=settings,
        )


def baselines_of(
    task: FinishTask, winners: Sequence[Candidate], evaluator: Evaluator
) -> list[Candidate]:
    """Return the reference points that were asked for."""
    found = [
        hand_made(name, width=width)
        for name, widths in task.baselines.hand_made.items()
        for width in widths
    ]
    count = min(task.baselines.num_random, len(winners))
    if count:
        # From the largest down: there a search has the most to show.
        beside = [
            evaluator.static_costs(winner.architecture)["size_bytes"]
            for winner in list(winners)[::-1][:count]
        ]
        found += random_at_equal_cost(
            task.space,
            sizes=beside,
            costs=evaluator.static_costs,
            known=[winner.architecture for winner in winners],
            seed=task.seed,
        )
    return found


def _warn_if_tested_before(ledger: Ledger, plan: Plan, candidates: Sequence[Candidate]) -> None:
    """Say so when these networks were tested under other settings: choosing among tests leaks."""
    ours = {job.key for candidate in candidates for job in plan.jobs_of(candidate)}
    identities = {candidate.architecture.id for candidate in candidates}
    others = [
        entry
        for entry in ledger.entries()
        if entry.job not in ours and entry.facts.get("architecture_id") in identities
    ]
    if others:
        _LOG.warning(
            "the test split was opened %d times before for these networks, under other settings; "
            "whoever takes the better of two such results has trained on the test split",
            len(others),
        )
