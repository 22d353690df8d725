"""The steps of one `nas finish`, each of which leaves its results on disk at once."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property

from nas.data.dataset import Dataset
from nas.evaluation.hand_made import WithBaselines
from nas.evaluation.trained import TrainedEvaluator
from nas.evaluation.trivial import trivial_models
from nas.export.settings import ExportSettings
from nas.finish.baselines import find_baselines
from nas.finish.choose import whole_ones
from nas.finish.confirm import (
    JobPlan,
    RetrainingPlan,
    Winner,
    candidate_of,
    confirmed_rows,
    data_key,
    tested_values,
    warn_if_tested_before,
)
from nas.finish.earlier import with_longest
from nas.finish.ledger import Ledger
from nas.finish.length import Lengths, note_trained, test_epochs
from nas.finish.on_devices import write_winners_for_devices
from nas.finish.pace import Pace
from nas.finish.ranking import Ranking, ranking_of, write_ranking
from nas.finish.retrain import Crew, final_evaluator, run_jobs
from nas.finish.rivals import find_rivals
from nas.finish.settle import settle, trained_lengths
from nas.finish.ship import Shipped, ship
from nas.finish.shrink import (
    TO,
    Shrinking,
    ShrunkPlan,
    ShrunkSpace,
    shrunk_candidate,
    shrunk_candidates,
    weights_of,
)
from nas.finish.spent import noting_use
from nas.finish.tables import add_rows, add_tested
from nas.finish.task import FinishSummary, FinishTask
from nas.finish.teach import TeacherChoice, teach_winners
from nas.record.artefacts import ArtefactRow
from nas.record.references import Reference
from nas.record.run_folder import RunFolder
from nas.record.winners import WinnerRow
from nas.running_clock import running_s
from nas.space.space import SearchSpace
from nas.train.recipe import Recipe
from nas.trial import Failure, TrialRecord


class FinishSteps:
    """The state of one `nas finish`, between its steps.

    Args:
        task: what to finish.
        folder: of the run.
        crew: workers and onlookers.
    """

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
        self._began_s = running_s()
        self.lengths: Lengths | None = None
        self._ranking: Ranking | None = None
        self.rows: list[WinnerRow] = []
        self.is_interrupted = False

    @property
    def has_smaller_ones(self) -> bool:
        """Whether winners are to be made smaller: the search chose so, or the user asks for it."""
        return bool(self._variants or self._task.shrinking.to)

    def confirm(self, chosen: Sequence[TrialRecord]) -> Sequence[WinnerRow]:
        """Retrain and test; write winners.csv, and return what stands in it."""
        self._winners = [candidate_of(record) for record in whole_ones(chosen, self._task.records)]
        self._variants = [record for record in chosen if record.variant]
        settled = settle(
            self._task,
            self._winners,
            self._plan,
            evaluator=self._make_evaluator(),
            folder=self._folder,
            ledger=self._ledger,
            crew=self._crew,
            began_s=self._began_s,
        )
        self._task, self._plan, self.lengths = settled.task, settled.plan, settled.lengths
        self._winners = list(settled.winners)
        self._failures += settled.outcome.failures
        self.is_interrupted = settled.outcome.is_interrupted
        if self.is_interrupted:
            return ()
        self._evaluator = self._make_evaluator()
        candidates = self._winners + find_baselines(
            self._task.baselines,
            self._task.space,
            winners=self._winners,
            costs=self._evaluator.static_costs,
            seed=self._task.seed,
        )
        warn_if_tested_before(self._ledger, self._plan, candidates)
        self.rows = self._train(
            candidates, self._plan, self._evaluator, pace=self._pace(self._num_followers)
        )
        if self.lengths is not None:
            self._take_lengths(self.lengths, candidates)
        ended = {row.architecture_id for row in self.rows if not row.is_baseline}
        note_trained(self._folder, ended, self.lengths, epochs=self._plan.recipe.epochs)
        tested = add_tested(self._folder, self.rows) if self.rows else ()  # stopped at once: none
        self._ranking = self._judge_search()
        self._ship(self.rows, self._winners, self._plan, variant="retrained")
        return tested

    def _take_lengths(self, lengths: Lengths, candidates: Sequence[Winner]) -> None:
        """Note how long winners were trained; an earlier retraining counts if it was longer."""
        plan, patience = self._plan, self._task.patience
        if patience is not None and not patience.keeps_epochs and not self.is_interrupted:
            lengths, plan = with_longest(lengths, self._winners, plan, self._ledger)
        if plan.epochs != self._plan.epochs:
            self._plan = plan
            self.rows = self._rows_of(candidates, plan, self._evaluator)
        self.lengths = trained_lengths(
            lengths, self._winners, plan, self._ledger, search_epochs=self._task.search_epochs
        )

    def _judge_search(self) -> Ranking | None:
        """Compare the search's order with that of long trainings, and write what is found."""
        rows, searched = self.rows, self._task.search_epochs
        if self._crew.retrainings is None and not self.is_interrupted:
            rivals, plan = find_rivals(self._winners, self._task, self._plan)
            rows = [*rows, *self._train(rivals, plan, self._evaluator)]
        longest = self._plan.longest if self.lengths is None else self.lengths.longest
        found = ranking_of(rows, search_epochs=searched, epochs=longest)
        if found is not None:
            write_ranking(self._folder, found)
        return found

    def shrink(self, shrinking: Shrinking) -> None:
        """Make the winners smaller and train them on; write compressed.csv."""
        winners = self._confirmed_winners()
        self._space = ShrunkSpace(self._space, weights_of(winners, self._plan, self._folder))
        recipe = shrinking.recipe(self._task.recipe)
        plan = ShrunkPlan.after(self._plan, recipe=recipe)
        confirmed = {winner.architecture.id for winner in winners}
        chosen = [
            shrunk_candidate(candidate_of(record), record.variant)
            for record in self._variants
            if record.architecture.id in confirmed
        ]
        by_id = {c.architecture.id: c for c in shrunk_candidates(winners, shrinking)}
        candidates = list((by_id | {c.architecture.id: c for c in chosen}).values())
        self._shrunk = self._train(
            candidates, plan, self._make_evaluator(recipe), pace=self._pace(0)
        )
        add_rows(self._folder / "compressed.csv", self._shrunk)
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
        pace = self._pace(int(self.has_smaller_ones))
        self._taught = self._train(taught.students, plan, evaluator, pace=pace)
        add_rows(self._folder / "distilled.csv", self._taught)
        story = taught.story
        self._ship(self._taught, taught.students, plan, variant="distilled", story=story)

    def make_files(self, settings: ExportSettings) -> None:
        """Make the files of each network that is shipped; write artefacts.csv and model cards."""
        self._artefacts = ship(
            self._shipped,
            task=self._task,
            space=self._space,
            folder=self._folder,
            settings=settings,
            lengths=self.lengths,
            retrainings=self._crew.retrainings,
            trivial=self._trivial,
        )
        if self._task.devices:
            write_winners_for_devices(
                self._shipped,
                self._task.devices,
                space=self._space,
                data=self._task.dataset.shape,
                folder=self._folder,
            )

    def summary(self) -> FinishSummary:
        """Return what was done so far."""
        return FinishSummary(
            rows=tuple(self.rows),
            taught=tuple(self._taught),
            shrunk=tuple(self._shrunk),
            artefacts=tuple(self._artefacts),
            is_interrupted=self.is_interrupted,
            failures=tuple(self._failures),
            lengths=self.lengths,
            ranking=self._ranking,
            trivial=self._trivial if self.rows else (),
        )

    @cached_property
    def _trivial(self) -> tuple[Reference, ...]:
        data = self._task.dataset
        if not isinstance(data, Dataset) or not self._task.pick.floors:
            return ()  # of another kind, or a search that was not to be compared with any
        return trivial_models(data, judges=data.test)

    def _make_evaluator(self, recipe: Recipe | None = None) -> TrainedEvaluator:
        return final_evaluator(
            self._space,
            self._task.dataset,
            recipe or self._task.recipe,
            num_threads=self._task.num_threads,
            gpu_share=self._task.gpu_share,
        )

    @property
    def _num_followers(self) -> int:
        """Steps that train after the retrainings: with a teacher, and of smaller networks."""
        return (self._task.teaching is not None) + self.has_smaller_ones

    def _pace(self, num_following: int) -> Pace | None:
        """Return what has a step's trainings end in time; None where nothing does.

        Args:
            num_following: steps after it, each of which is planned to take as long.
        """
        if (retrainings := self._crew.retrainings) is None:
            return None
        times = 1 + self._num_followers
        number = len(self._winners) * times if self._task.export is not None else 0
        epoch_s = times * self.lengths.epoch_s if number and self.lengths is not None else 0.0
        tests_s = test_epochs(self._task.dataset) * epoch_s
        share = 1.0 / (1 + num_following)
        return Pace(retrainings, num_networks=number, tests_s=tests_s, share=share)

    def _train(
        self,
        candidates: Sequence[Winner],
        plan: JobPlan,
        evaluator: TrainedEvaluator,
        pace: Pace | None = None,
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
                crew=replace(self._crew, pace=pace),
            )
        self.is_interrupted = outcome.is_interrupted
        self._failures += outcome.failures
        return self._rows_of(candidates, plan, evaluator)

    def _rows_of(
        self, candidates: Sequence[Winner], plan: JobPlan, evaluator: TrainedEvaluator
    ) -> list[WinnerRow]:
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
        plan: JobPlan,
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
