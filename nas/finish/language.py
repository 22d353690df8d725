"""The order of `nas finish` for language models: choose, confirm, distil, make files.

As `nas.finish.run`, with the trainings, files and cards of text. Each result is written to disk as
soon as it is known; the command may be killed at any point and continues from there.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from safetensors.torch import load as load_safetensors

from nas.evaluation.encoder import EncoderEvaluator
from nas.evaluation.language import LanguageEvaluator
from nas.export.language_files import LanguageNetwork, export_language_network
from nas.export.update_files import write_updates
from nas.files import write_text
from nas.finish.choose import choose
from nas.finish.confirm import Winner, candidate_of, confirmed_rows
from nas.finish.kept_weights import read_weights
from nas.finish.language_card import language_card
from nas.finish.language_length import with_length
from nas.finish.language_task import LanguageTask, ShipsUpdates, TokenPlan
from nas.finish.ledger import Ledger
from nas.finish.retrain import CHECKPOINT_EVERY_S, Crew, Retraining, run_jobs, weights_path
from nas.finish.spent import noting_use
from nas.finish.student_files import student_files
from nas.finish.tables import add_artefacts, add_rows, add_tested
from nas.finish.task import FinishSummary
from nas.models.decoder import Decoder
from nas.models.decoder_lora import has_updates, merged_decoder
from nas.models.encoder import Encoder
from nas.record.artefacts import ArtefactRow
from nas.record.run_folder import RunFolder
from nas.record.winners import WinnerRow
from nas.train.token_training import TokenTeacher
from nas.trial import Failure


def run_language_finish(
    task: LanguageTask,
    *,
    folder: RunFolder,
    crew: Crew,
    publish: Callable[[Sequence[WinnerRow]], None],
) -> FinishSummary:
    """Choose, confirm, distil and export, and leave everything in the run's `finish` folder.

    Args:
        task: what to finish.
        folder: of the run; the caller holds the right to write in it.
        crew: workers and onlookers.
        publish: draws what `winners.csv` says.

    Raises:
        ConstraintError: nothing fits what was asked for.
        ExecutionError: workers cannot be had.
        RunFolderError: kept weights are damaged.
    """
    chosen = choose(task.records, objectives=task.objectives, pick=task.pick)
    winners = [candidate_of(record) for record in chosen]
    ledger = Ledger(folder.finish_dir / "ledger.jsonl")

    def is_trained(other: LanguageTask) -> bool:
        jobs = [job for winner in winners for job in _plan_of(other).jobs_of(winner)]
        return all(job.key in ledger for job in jobs)

    task = with_length(task, winners, folder=folder.finish_dir, crew=crew, is_trained=is_trained)
    finish = _LanguageFinish(task, folder, crew, ledger)
    if tested := finish.confirm(winners):
        publish(tested)
    if task.distils and not finish.is_interrupted:
        finish.distil()
    if task.bits and not finish.is_interrupted:
        finish.make_files()
    return finish.summary()


class _LanguageFinish:
    """The state of one finish."""

    def __init__(self, task: LanguageTask, folder: RunFolder, crew: Crew, ledger: Ledger) -> None:
        self._task = task
        self._folder = folder.finish_dir
        self._crew = crew
        self._ledger = ledger
        self._plan = _plan_of(task)
        self._winners: list[Winner] = []
        self._shipped: list[tuple[WinnerRow, Retraining, str]] = []
        self._failures: list[tuple[str, Failure]] = []
        self._taught: list[WinnerRow] = []
        self._artefacts: list[ArtefactRow] = []
        self.rows: list[WinnerRow] = []
        self.is_interrupted = False

    def confirm(self, winners: list[Winner]) -> Sequence[WinnerRow]:
        """Retrain and test; write winners.csv, and return what stands in it."""
        self._winners = winners
        self.rows = self._train(winners, self._plan, teacher=None)
        tested = add_tested(self._folder, self.rows) if self.rows else ()
        self._ship(self.rows, winners, self._plan, variant="retrained")
        return tested

    def distil(self) -> None:
        """Train the winners but the largest once more, with it as teacher; write distilled.csv."""
        ready = {row.architecture_id: row for row in self.rows}
        known = [winner for winner in self._winners if winner.architecture.id in ready]
        by_size = sorted(known, key=lambda w: ready[w.architecture.id].num_params)
        if len(by_size) < 2:
            return
        *students, largest = by_size
        job = self._plan.jobs_of(largest)[0]
        teacher = TokenTeacher(
            self._model_of(job).eval(), self._task.temperature, self._task.teacher_weight
        )
        step = f"distil {job.key} {self._task.temperature} {self._task.teacher_weight}"
        plan = TokenPlan(
            self._plan.recipe, self._plan.num_seeds, self._plan.seed, self._plan.data_key, step
        )
        same = [s for s in students if _reads_alike(s, largest)]
        self._taught = self._train(same, plan, teacher=teacher)
        add_rows(self._folder / "distilled.csv", self._taught)
        self._ship(self._taught, same, plan, variant="distilled")

    def make_files(self) -> None:
        """Make the files and the card of each model; write artefacts.csv."""
        data = self._task.dataset.final_data()
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            for row, job, variant in sorted(self._shipped, key=lambda s: s[0].size_bytes):
                place = str(row.trial) if variant == "retrained" else f"{row.trial}/{variant}"
                model = self._model_of(job)
                if isinstance(model, Encoder):
                    named = (row, job, variant)
                    self._artefacts += student_files(
                        self._task, model, named, self._folder / place
                    )
                    continue
                assert isinstance(model, Decoder), "the space of language models builds these"
                network = LanguageNetwork(row.name, variant, job.key, job.architecture, model)
                if has_updates(model):
                    network = self._with_merged_updates(network, place)
                made = export_language_network(
                    network,
                    data,
                    folder=self._folder,
                    place=place,
                    bits=self._task.bits,
                    has_onnx=self._task.has_onnx,
                    has_gguf=self._task.has_gguf,
                )
                self._artefacts += made
                card = language_card(
                    network,
                    row,
                    made,
                    dataset=self._task.dataset,
                    recipe=self._task.recipe,
                    license_name=self._task.license,
                    command=self._task.command,
                )
                write_text(self._folder / place / "README.md", card)
        finally:
            torch.set_num_threads(threads)
        add_artefacts(self._folder, self._artefacts)

    def _with_merged_updates(self, network: LanguageNetwork, place: str) -> LanguageNetwork:
        """Write the updates as the package peft reads them; return what computes the same."""
        space, model = self._task.space, network.model
        assert isinstance(space, ShipsUpdates), "it built a model with updates"
        write_updates(self._folder / place / "adapter", model, base=space.model)
        adapted = space.shipped(model, network.architecture)
        return replace(network, model=merged_decoder(model), adapted=adapted)

    def summary(self) -> FinishSummary:
        """Return what was done so far."""
        return FinishSummary(
            rows=tuple(self.rows),
            taught=tuple(self._taught),
            shrunk=(),
            artefacts=tuple(self._artefacts),
            is_interrupted=self.is_interrupted,
            failures=tuple(self._failures),
        )

    def _model_of(self, job: Retraining) -> torch.nn.Module:
        model = self._task.space.build(job.architecture, self._task.dataset.shape)
        model.load_state_dict(load_safetensors(read_weights(weights_path(self._folder, job.key))))
        return model

    def _train(
        self, winners: Sequence[Winner], plan: TokenPlan, *, teacher: TokenTeacher | None
    ) -> list[WinnerRow]:
        evaluator = _evaluator(self._task)
        evaluator.teacher = teacher
        by_seed = zip(*map(plan.jobs_of, winners), strict=True)
        jobs = [job for jobs in by_seed for job in jobs]
        if not all(job.key in self._ledger for job in jobs):
            with noting_use(self._folder):
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
            winners,
            plan=plan,
            ledger=self._ledger,
            num_examples=self._task.dataset.judged_tokens,
            costs={w.architecture.id: evaluator.static_costs(w.architecture) for w in winners},
        )

    def _ship(
        self,
        rows: Sequence[WinnerRow],
        winners: Sequence[Winner],
        plan: TokenPlan,
        *,
        variant: str,
    ) -> None:
        known = {row.architecture_id: row for row in rows}
        for winner in winners:
            job = plan.jobs_of(winner)[0]
            if job.key in self._ledger:
                self._shipped.append((known[winner.architecture.id], job, variant))


def _plan_of(task: LanguageTask) -> TokenPlan:
    """Return what names the retrainings of a task."""
    key = hashlib.blake2b(digest_size=8)
    for word, digests in task.dataset.digests.items():
        key.update(word.encode() + digests.tobytes())
    return TokenPlan(
        task.recipe,
        task.num_seeds,
        task.seed,
        f"{task.dataset.name} {key.hexdigest()}",
        winner_metric=task.winner_metric,
    )


def _evaluator(task: LanguageTask) -> LanguageEvaluator:
    """Return one that learns from train and validation and judges by the test split."""
    kind = EncoderEvaluator if task.has_students else LanguageEvaluator
    evaluator = kind(
        task.space,
        task.dataset,
        task.recipe,
        (),
        num_threads=task.num_threads,
        gpu_share=task.gpu_share,
        checkpoint_every_s=CHECKPOINT_EVERY_S,
    )
    evaluator.data = task.dataset.final_data()
    return evaluator


def _reads_alike(one: Winner, other: Winner) -> bool:
    """Say whether a teacher can read what a student reads: its vocabulary and context."""
    ours, theirs = one.architecture, other.architecture
    same = ours.get("vocabulary") == theirs.get("vocabulary")
    return bool(same and ours.get("context", 0) <= theirs.get("context", 0))
