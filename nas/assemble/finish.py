"""From a checked configuration and a run folder to a `nas finish`."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from nas.adapt.distillation import Distillation
from nas.assemble.devices import kept_devices
from nas.assemble.export_formats import build_export
from nas.assemble.finish_language import language_task
from nas.assemble.jobs import refuse_changed
from nas.assemble.make import make, make_data, make_space
from nas.assemble.recipes import recipe_of
from nas.assemble.run_data import check_same_data, known_data
from nas.assemble.search import build_backend
from nas.assemble.workers import num_cpus, num_workers
from nas.compress.compression import Compression
from nas.config.check import in_one_message
from nas.config.finishing import (
    BaselineConfig,
    CompressionConfig,
    DistillationConfig,
    FinishConfig,
    PickConfig,
)
from nas.config.foreign import check_plain, check_record
from nas.config.kept_secrets import missing_secrets
from nas.config.places import telling_where
from nas.config.recorded import objectives_of, read_mapping, recorded_limits, recorded_objectives
from nas.config.schema import AimKind, Execution
from nas.data.dataset import Dataset
from nas.data.fingerprint import Fingerprint, fingerprint_of
from nas.data.task_data import TaskData
from nas.data.text import TextData
from nas.errors import ConfigError, RunFolderError
from nas.evaluation.evaluator import Evaluator
from nas.evaluation.winner_metric import AnyData
from nas.execution.backend import Backend
from nas.finish.baselines import Baselines
from nas.finish.choose import Pick, belief_words, choose
from nas.finish.language import run_language_finish
from nas.finish.language_task import LanguageTask
from nas.finish.length_question import Patience
from nas.finish.retrain import Crew
from nas.finish.run import run_finish
from nas.finish.shrink import Shrinking
from nas.finish.task import FinishSummary, FinishTask
from nas.finish.teach import LARGEST, TeacherChoice
from nas.finish.which import Which
from nas.objective import Objective
from nas.record.beliefs import BELIEVED_CSV, read_beliefs
from nas.record.lease import Lease
from nas.record.references import REFERENCES_CSV, floors_of, read_references
from nas.record.run_folder import RunFolder
from nas.record.winners import WinnerRow
from nas.report.front import comparable_records
from nas.report.limits import keeps
from nas.report.reports import load_report
from nas.secrets import remember_secrets_in
from nas.study.journal import load_records
from nas.train.recipe import Recipe
from nas.trial import TrialRecord


@dataclass(frozen=True)
class AssembledFinish:
    """All that `nas.finish.run.run_finish` needs of a configuration.

    Attributes:
        task: what to finish.
        folder: of the run.
        execution: where retrainings run.
        fingerprint: of the data.
        note: what is to be told of them, or None.
    """

    task: FinishTask | LanguageTask
    folder: RunFolder
    execution: Execution
    fingerprint: Fingerprint | None = None
    note: str | None = None

    def make_backend(self, evaluator: Evaluator) -> Backend:
        """Start the workers."""
        return build_backend(self.execution, evaluator)

    def run(
        self, *, crew: Crew, publish: Callable[[Sequence[WinnerRow]], None], lease: Lease
    ) -> FinishSummary:
        """Do it; the caller holds the right to write in the `finish` folder.

        Raises:
            NasError: the run cannot be finished.
        """
        if isinstance(self.task, LanguageTask):
            return run_language_finish(self.task, folder=self.folder, crew=crew, publish=publish)
        return run_finish(self.task, folder=self.folder, crew=crew, publish=publish, lease=lease)

    def words_on_choice(self) -> str | None:
        """Say where winners are others than those of the measured front."""
        task = self.task
        return belief_words(task.records, objectives=task.objectives, pick=task.pick)

    def write_page(self) -> None:
        """Write report.html of the run again: what `nas finish` found out belongs into it."""
        from nas.report.page import write_page  # drawing takes a second to load

        objectives = recorded_objectives(self.folder)
        records = load_records(self.folder.study_journal)
        limits = recorded_limits(self.folder, objectives)
        report = load_report(self.folder, records, objectives, limits=limits)
        write_page(report, path=self.folder.report_html)


def build_finish(config: FinishConfig, *, words: Sequence[str]) -> AssembledFinish:
    """Make everything that a `nas finish` needs, but start no worker.

    Args:
        config: checked.
        words: of the command line after `nas finish`, for the model cards.

    Raises:
        NasError: the run cannot be finished, or a part refuses its settings.
    """
    folder = RunFolder.open(Path(config.run))
    values = _values_of(folder)
    export, objectives = build_export(config.export), objectives_of(values)
    # What the command line says is judged before the data are read, which may take minutes.
    teaching, shrinking = _teaching(config.distillation), _shrinking(config.compression)
    records = _records(folder, objectives)
    pick = _pick(config.pick, values, folder=folder, objectives=objectives, records=records)
    choose(records, objectives=objectives, pick=pick)
    values = _with_places(values, config.data, folder)
    dataset = _dataset(values)
    fingerprint = fingerprint_of(dataset)
    note = check_same_data(folder, dataset, fingerprint)
    name = known_data(folder).name or dataset.name
    dataset = dataset if name == dataset.name else replace(dataset, name=name)
    if isinstance(dataset, TextData):
        language = language_task(
            config,
            values,
            dataset=dataset,
            objectives=objectives,
            records=records,
            pick=pick,
            words=words,
        )
        return AssembledFinish(language, folder, config.execution, fingerprint, note)
    task = FinishTask(
        space=make_space(values["search_space"]),
        dataset=dataset,
        recipe=recipe_of(values["training"], config.training, kind=Recipe),
        objectives=objectives,
        records=records,
        pick=pick,
        num_seeds=config.seeds,
        seed=values["seed"],
        baselines=_baselines(config.baselines),
        export=export,
        teaching=teaching,
        shrinking=shrinking,
        grid_g_per_kwh=config.grid_g_per_kwh,
        license=config.license,
        command=shlex.join(["nas", "finish", *words]),
        num_threads=config.execution.cpus_per_trial,
        gpu_share=config.execution.gpus_per_trial,
        patience=_patience(config, values["training"], words),
        search_epochs=_search_epochs(values["training"]),
        devices=kept_devices(folder.path),
        num_slots=num_workers(config.execution, num_cpus=num_cpus()),
    )
    return AssembledFinish(task, folder, config.execution, fingerprint, note)


def _values_of(folder: RunFolder) -> dict[str, Any]:
    """Return what a run was told, where it may be finished."""
    if not folder.config_yaml.is_file():
        raise RunFolderError(f"{folder.path} has no config.yaml, so it cannot be finished")
    values = read_mapping(folder.config_yaml)
    check_plain(folder.path, values)
    check_record(folder.path, {**values, "execution": None, "storage": None, "tracking": None})
    if values.get("table") is not None:
        raise ConfigError(
            f"{folder.path} searched a table: there are no networks to train; its front.csv holds "
            "the score that the table gives"
        )
    return values


def _patience(
    config: FinishConfig, recorded: Mapping[str, Any], words: Sequence[str]
) -> Patience | None:
    """Return what bounds the trainings; None where the user says how long they are."""
    keeps_epochs = "epochs" in config.training
    if keeps_epochs and config.budget is None:
        return None
    return Patience(
        search_epochs=_search_epochs(recorded),
        budget_s=config.budget,
        keeps_epochs=keeps_epochs,
        keeps_seeds=any(word.removeprefix("finish.").startswith("seeds=") for word in words),
    )


def _search_epochs(recorded: Mapping[str, Any]) -> int:
    return int(recorded.get("epochs", Recipe.epochs))


def _records(folder: RunFolder, objectives: Sequence[Objective]) -> tuple[TrialRecord, ...]:
    """Return what may win: trials that keep the limits of the search, where there are any."""
    records = comparable_records(load_records(folder.study_journal), objectives)
    limits = recorded_limits(folder, objectives)
    kept = [record for record in records if keeps(record, limits)]
    return tuple(kept or records)


def _pick(
    config: PickConfig,
    values: Mapping[str, Any],
    *,
    folder: RunFolder,
    objectives: Sequence[Objective],
    records: Sequence[TrialRecord],
) -> Pick:
    """Return what to take; a search for the best network has one winner unless told otherwise."""
    limits = config.limits()
    is_free = config.which is Which.AUTO and not limits
    wants_best = is_free and values.get("aim") == AimKind.BEST.value
    return Pick(
        which=Which.BEST if wants_best else config.which,
        count=config.count,
        trials=tuple(config.trials),
        limits=limits,
        floors=floors_of(read_references(folder.path / REFERENCES_CSV), objectives),
        beliefs=read_beliefs(folder.path / BELIEVED_CSV, records),
    )


def _baselines(config: BaselineConfig) -> Baselines:
    hand_made = {"mobilenetv3_small": tuple(config.mobilenetv3_small)}
    return Baselines(hand_made=hand_made, num_random=config.random)


def _shrinking(config: CompressionConfig) -> Shrinking:
    for name in config.to:
        Compression.named(name)  # refused here
    return Shrinking(tuple(config.to), config.epochs, config.learning_rate)


def _teaching(config: DistillationConfig) -> TeacherChoice | None:
    if config.teacher is None and config.model is None:
        return None
    settings = Distillation(
        temperature=config.temperature,
        weight=config.weight,
        feature_weight=config.feature_weight,
    )
    if config.model is None:
        return TeacherChoice(config.teacher or LARGEST, settings=settings)
    model = make(config.model)
    if not isinstance(model, nn.Module):
        raise ConfigError(f"distillation.model makes {type(model).__name__}, not a torch module")
    return TeacherChoice(model=model, settings=settings)


def _with_places(
    values: dict[Any, Any], places: Mapping[str, Any], folder: RunFolder
) -> dict[Any, Any]:
    """Return the settings of a run's data, with the place where they are now.

    Raises:
        RunFolderError: what is told is no place.
        ConfigError: a secret is missing, which the record does not keep.
    """
    moved = {**values, "data": {**values["data"], **places}}
    remember_secrets_in(moved)
    if lacking := missing_secrets({**moved, "execution": None}):  # those of the search's own
        raise ConfigError(in_one_message(lacking))
    if places:
        refuse_changed(folder, moved)
    return moved


def _dataset(values: Mapping[str, Any]) -> AnyData | TextData:
    with telling_where(values):
        made = make_data(values["data"])
    if not isinstance(made, Dataset | TaskData | TextData):
        raise ConfigError(
            f"data {values['data'].get('_target_')} has no test split, so nothing can be "
            "confirmed on it: return a nas.data.dataset.Dataset or a nas.data.task_data.TaskData"
        )
    return made
