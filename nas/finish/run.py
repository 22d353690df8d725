"""The order of `nas finish`: choose, confirm, then make each winner into files.

Everything that takes time is kept as soon as it is known, so the command may be killed at any
point and goes on when it is given again.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from safetensors.torch import load as load_safetensors

from nas.evaluation.trained import TrainedEvaluator
from nas.export.network_files import ExportSettings, TrainedNetwork, check_packages, export_network
from nas.files import write_text
from nas.finish.baselines import WithBaselines, find_baselines
from nas.finish.card import Circumstances, model_card
from nas.finish.choose import choose
from nas.finish.confirm import (
    RetrainingPlan,
    Winner,
    candidate_of,
    confirmed_rows,
    data_key,
    tested_values,
    warn_if_tested_before,
)
from nas.finish.kept_weights import read_weights
from nas.finish.ledger import Ledger
from nas.finish.retrain import Crew, Retraining, final_evaluator, run_jobs, weights_path
from nas.finish.shrink import (
    TO,
    Shrinking,
    ShrunkPlan,
    ShrunkSpace,
    shrunk_candidate,
    shrunk_candidates,
    weights_of,
)
from nas.finish.spent import noting_use, total_use
from nas.finish.task import FinishSummary, FinishTask
from nas.finish.teach import TeacherChoice, check_teacher_choice, teach_winners
from nas.record.artefacts import ArtefactRow, write_artefacts
from nas.record.environment import collect_environment
from nas.record.lease import Lease
from nas.record.run_folder import LEASE, RunFolder
from nas.record.winners import WinnerRow, write_winners
from nas.space.space import SearchSpace
from nas.train.recipe import Recipe
from nas.trial import Failure, TrialRecord


def run_finish(
    task: FinishTask,
    *,
    folder: RunFolder,
    crew: Crew,
    publish: Callable[[Sequence[WinnerRow]], None],
    lease: Lease | None = None,
) -> FinishSummary:
    """Choose, confirm and export, and leave everything in the run's `finish` folder.

    Args:
        task: what to finish.
        folder: of the run.
        crew: workers and onlookers.
        publish: draws what `winners.csv` says; called when the confirmation ends.
        lease: the right to write the `finish` folder, where the caller has it; else it is taken.

    Raises:
        ConstraintError: nothing fits what was asked for.
        ConfigError: a setting does not fit the run.
        ExecutionError: workers cannot be had.
        RunFolderError: another process writes in this folder.
        MissingPackageError: files are wanted that need a package which is not installed.
    """
    if task.export is not None:
        check_packages(task.export)
    chosen = choose(task.records, objectives=task.objectives, pick=task.pick)
    if task.teaching is not None:
        number = len(whole_ones(chosen, task.records))
        check_teacher_choice(task.teaching, num_winners=number, dataset=task.dataset)
    task.shrinking.check_packages()
    own_lease = Lease(folder.finish_dir / LEASE) if lease is None else None
    try:
        finish = _Finish(task, folder, crew)
        finish.confirm(chosen)
        publish(finish.rows)
        if task.teaching is not None and not finish.is_interrupted:
            finish.distil(task.teaching)
        if finish.has_smaller_ones and not finish.is_interrupted:
            finish.shrink(task.shrinking)
        if task.export is not None and not finish.is_interrupted:
            finish.export(task.export)
        return finish.summary()
    finally:
        if own_lease is not None:
            own_lease.release()


@dataclass(frozen=True)
class Shipped:
    """A network whose files are made.

    Attributes:
        row: its confirmation.
        job: the training whose weights are shipped.
        variant: how the weights came about.
        place: folder of its files below `finish`.
        story: what else was done to it than to train it by the recipe; a sentence, or empty.
    """

    row: WinnerRow
    job: Retraining
    variant: str
    place: str
    story: str


def whole_ones(chosen: Sequence[TrialRecord], records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the chosen trials, and for each compressed variant the trial that it was made of."""
    known = {record.number: record for record in records}
    found = [record if record.parent is None else known[record.parent] for record in chosen]
    return list({record.number: record for record in found}.values())


class _Finish:
    """The state of one `nas finish`."""

    def __init__(self, task: FinishTask, folder: RunFolder, crew: Crew) -> None:
        self._task = task
        self._folder = folder.finish_dir
        self._crew = crew
        self._ledger = Ledger(self._folder / "ledger.jsonl")
        self._space: SearchSpace = WithBaselines(task.space)
        self._evaluator = self._make_evaluator()
        self._winner_metric = task.winner_metric
        self._plan = RetrainingPlan(
            task.recipe,
            task.num_seeds,
            task.seed,
            data_key(task.dataset),
            winner_metric=self._winner_metric,
        )
        self._winners: list[Winner] = []
        self._variants: list[TrialRecord] = []
        self._shipped: list[Shipped] = []
        self._failures: list[tuple[str, Failure]] = []
        self._taught: list[WinnerRow] = []
        self._shrunk: list[WinnerRow] = []
        self._artefacts: list[ArtefactRow] = []
        self.rows: list[WinnerRow] = []
        self.is_interrupted = False

    @property
    def has_smaller_ones(self) -> bool:
        """Whether winners are to be made smaller: the search chose so, or the user asks for it."""
        return bool(self._variants or self._task.shrinking.to)

    def confirm(self, chosen: Sequence[TrialRecord]) -> None:
        """Retrain and test; write winners.csv."""
        self._winners = [candidate_of(record) for record in whole_ones(chosen, self._task.records)]
        self._variants = [record for record in chosen if record.variant]
        candidates = self._winners + find_baselines(
            self._task.baselines,
            self._task.space,
            winners=self._winners,
            costs=self._evaluator.static_costs,
            seed=self._task.seed,
        )
        warn_if_tested_before(self._ledger, self._plan, candidates)
        self.rows = self._train(candidates, self._plan, self._evaluator)
        write_winners(self._folder / "winners.csv", self.rows)
        self._ship(self.rows, self._winners, self._plan, variant="retrained")

    def shrink(self, shrinking: Shrinking) -> None:
        """Make the winners smaller and train them on; write compressed.csv."""
        winners = self._confirmed_winners()
        self._space = ShrunkSpace(self._space, weights_of(winners, self._plan, self._folder))
        recipe = shrinking.recipe(self._task.recipe)
        plan = ShrunkPlan(
            **{**vars(self._plan), "recipe": recipe, "step": "compressed"}, originals=self._plan
        )
        confirmed = {winner.architecture.id for winner in winners}
        chosen = [
            shrunk_candidate(candidate_of(record), record.variant)
            for record in self._variants
            if record.architecture.id in confirmed
        ]
        by_id = {c.architecture.id: c for c in shrunk_candidates(winners, shrinking)}
        candidates = list((by_id | {c.architecture.id: c for c in chosen}).values())
        self._shrunk = self._train(candidates, plan, self._make_evaluator(recipe))
        write_winners(self._folder / "compressed.csv", self._shrunk)
        for candidate in candidates:
            name = str(candidate.architecture[TO])
            self._ship(self._shrunk, [candidate], plan, variant=name, story=plan.story(name))

    def distil(self, teaching: TeacherChoice) -> None:
        """Train the winners once more with a teacher; write distilled.csv."""
        taught = teach_winners(
            teaching,
            self._confirmed_winners(),
            plan=self._plan,
            space=self._space,
            dataset=self._task.dataset,
            folder=self._folder,
        )
        evaluator = self._make_evaluator()
        evaluator.teacher_targets = taught.teacher_targets
        plan = replace(self._plan, step=taught.step)
        self._taught = self._train(taught.students, plan, evaluator)
        write_winners(self._folder / "distilled.csv", self._taught)
        story = taught.story
        self._ship(self._taught, taught.students, plan, variant="distilled", story=story)

    def export(self, settings: ExportSettings) -> None:
        """Make the files of each winner; write artefacts.csv and the model cards."""
        used = total_use(self._folder)
        energy = used.describe(grid_g_per_kwh=self._task.grid_g_per_kwh)
        circumstances = Circumstances(
            dataset=self._task.dataset,
            recipe=self._task.recipe,
            environment=collect_environment(),
            license=self._task.license,
            command=self._task.command,
            energy=f"Retraining of all winners took {used.seconds:,.0f} s. {energy}",
        )
        for shipped in sorted(self._shipped, key=lambda s: (s.row.size_bytes, s.row.trial)):
            made = self._export_one(shipped, settings)
            self._artefacts += made
            card = model_card(
                shipped.row,
                made,
                architecture=shipped.job.architecture,
                circumstances=circumstances,
                story=shipped.story,
            )
            write_text(self._folder / shipped.place / "README.md", card)
        write_artefacts(self._folder / "artefacts.csv", self._artefacts)

    def summary(self) -> FinishSummary:
        """Return what came of it."""
        return FinishSummary(
            rows=tuple(self.rows),
            taught=tuple(self._taught),
            shrunk=tuple(self._shrunk),
            artefacts=tuple(self._artefacts),
            is_interrupted=self.is_interrupted,
            failures=tuple(self._failures),
        )

    def _make_evaluator(self, recipe: Recipe | None = None) -> TrainedEvaluator:
        return final_evaluator(
            self._space,
            self._task.dataset,
            recipe or self._task.recipe,
            num_threads=self._task.num_threads,
            gpu_share=self._task.gpu_share,
        )

    def _train(
        self, candidates: Sequence[Winner], plan: RetrainingPlan, evaluator: TrainedEvaluator
    ) -> list[WinnerRow]:
        # Seed by seed: what is killed early has one retraining of all rather than all of one.
        by_seed = zip(*map(plan.jobs_of, candidates), strict=True)
        jobs = [job for jobs in by_seed for job in jobs]
        is_all_there = all(job.key in self._ledger for job in jobs)
        with nullcontext() if is_all_there else noting_use(self._folder):
            outcome = run_jobs(
                jobs,
                evaluator=evaluator,
                ledger=self._ledger,
                folder=self._folder,
                crew=self._crew,
            )
        self.is_interrupted = outcome.is_interrupted
        self._failures += outcome.failures
        return confirmed_rows(
            candidates,
            plan=plan,
            ledger=self._ledger,
            num_examples=len(self._task.dataset.test),
            costs={
                candidate.architecture.id: evaluator.static_costs(
                    plan.jobs_of(candidate)[0].architecture
                )
                for candidate in candidates
            },
            others=[] if plan is self._plan else self._tested_values(),
        )

    def _tested_values(self) -> list[list[float]]:
        """Return those of the winners as the search trains them."""
        found = [tested_values(winner, self._plan, self._ledger) for winner in self._winners]
        return [values for values in found if values]

    def _confirmed_winners(self) -> list[Winner]:
        """Return the winners whose retrainings are all there."""
        return [
            winner
            for winner in self._winners
            if all(job.key in self._ledger for job in self._plan.jobs_of(winner))
        ]

    def _ship(
        self,
        rows: Sequence[WinnerRow],
        candidates: Sequence[Winner],
        plan: RetrainingPlan,
        *,
        variant: str,
        story: str = "",
    ) -> None:
        """Note the networks whose files are made: of each winner the first seed's."""
        known = {row.architecture_id: row for row in rows}
        for candidate in candidates:
            job = plan.jobs_of(candidate)[0]
            if job.key in self._ledger:
                row = known[candidate.architecture.id]
                place = str(row.trial) if variant == "retrained" else f"{row.trial}/{variant}"
                self._shipped.append(Shipped(row, job, variant, place, story))

    def _export_one(self, shipped: Shipped, settings: ExportSettings) -> list[ArtefactRow]:
        weights = read_weights(weights_path(self._folder, shipped.job.key))
        architecture = shipped.job.architecture
        model = self._space.build(architecture, self._task.dataset.shape)
        model.load_state_dict(load_safetensors(weights))
        return export_network(
            TrainedNetwork(
                shipped.row.name, shipped.variant, shipped.job.key, architecture, weights
            ),
            model,
            dataset=self._task.dataset,
            folder=self._folder,
            place=shipped.place,
            settings=settings,
            winner_metric=self._winner_metric,
        )
