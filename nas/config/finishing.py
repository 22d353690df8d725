"""From a command line and a run folder to a `nas finish`: what may be told, checked and built.

Space, data and recipe are those of the run's own config.yaml; only what concerns finishing is told
anew, in `conf/finish.yaml`.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

from torch import nn

from nas.adapt.distillation import Distillation
from nas.config.build import build_backend
from nas.config.check import in_one_message
from nas.config.compose import Source, compose_values
from nas.config.foreign import check_plain, check_record
from nas.config.jobs import refuse_changed
from nas.config.judge import Judge
from nas.config.make import make, make_space
from nas.config.places import telling_where
from nas.config.recorded import objectives_of, read_mapping
from nas.config.run_data import check_same_data, known_data
from nas.config.schema import Execution, Limits, Setting, TrialLimits, Ui
from nas.data.dataset import Dataset
from nas.data.fingerprint import Fingerprint, fingerprint_of
from nas.data.task_data import TaskData
from nas.errors import ConfigError, RunFolderError
from nas.evaluation.evaluator import Evaluator
from nas.execution.backend import Backend
from nas.finish.baselines import Baselines
from nas.finish.choose import Pick, Which
from nas.finish.export import ExportSettings
from nas.finish.judge import AnyData
from nas.finish.shrink import Shrinking
from nas.finish.task import FinishTask
from nas.finish.teach import LARGEST, Teaching
from nas.objective import Constraint
from nas.record.run_folder import RunFolder
from nas.report.front import comparable_records
from nas.sampling.journal import load_records
from nas.train.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class PickConfig:
    """Which trials become winners."""

    which: Annotated[Which, Setting("auto: all of the front, or what the limits want")]
    count: Annotated[int, Setting("members that pick.which=spread takes", minimum=1)]
    trials: Annotated[list[int], Setting("trial numbers, whatever else is said")]
    accuracy: Annotated[Limits, Setting("only min: the smallest that reaches it")]
    size_bytes: Annotated[Limits, Setting("only max: the best that fits")]
    num_params: Annotated[Limits, Setting("parameters")]
    num_macs: Annotated[Limits, Setting("multiply-accumulates of one image")]
    activation_bytes: Annotated[Limits, Setting("bytes, peak of one image")]
    latency_ms: Annotated[Limits, Setting("milliseconds, as the search measured them")]

    def limits(self) -> tuple[Constraint, ...]:
        """Return the limits that are set."""
        found = {item.name: getattr(self, item.name) for item in fields(self)}
        return tuple(
            Constraint(name, minimum=value.min, maximum=value.max)
            for name, value in found.items()
            if isinstance(value, Limits) and (value.min, value.max) != (None, None)
        )


@dataclass(frozen=True, kw_only=True)
class BaselineConfig:
    """Reference points."""

    mobilenetv3_small: Annotated[list[float], Setting("widths of the hand-made network")]
    random: Annotated[int, Setting("winners beside which a random one is put", minimum=0)]


@dataclass(frozen=True, kw_only=True)
class DistillationConfig:
    """A teacher for the winners."""

    teacher: Annotated[str | None, Setting("largest, ensemble; null: no distillation")]
    model: Annotated[dict[str, Any] | None, Setting("a network with weights, by its _target_")]
    temperature: Annotated[float, Setting("softens both distributions", above=0)]
    weight: Annotated[float, Setting("share of the teacher in the loss", minimum=0, maximum=1)]
    feature_weight: Annotated[float, Setting("of the likeness of features", minimum=0)]


@dataclass(frozen=True, kw_only=True)
class CompressionConfig:
    """Winners made smaller, then trained on."""

    to: Annotated[list[str], Setting("kept0.5, rank0.5, int8, int4, or joined: kept0.5+int8")]
    epochs: Annotated[float, Setting("of fine-tuning, share of the recipe's", above=0)]
    learning_rate: Annotated[float, Setting("of fine-tuning, share of the recipe's", above=0)]


@dataclass(frozen=True, kw_only=True)
class ExportConfig:
    """Which files to make."""

    files: Annotated[bool, Setting("false: confirm alone")]
    onnx: Annotated[bool, Setting("model.onnx")]
    int8: Annotated[bool, Setting("model_int8.onnx")]
    int8_dynamic: Annotated[bool, Setting("model_int8_dynamic.onnx: ranges found at run time")]
    int4: Annotated[bool, Setting("model_int4_weights.onnx: weights alone")]
    aot_inductor: Annotated[bool, Setting("model_compiled.pt2: code for this processor")]
    executorch: Annotated[bool, Setting("model.pte, for phones")]
    executorch_int8: Annotated[bool, Setting("model_int8.pte, for phones")]
    calibration_images: Annotated[int, Setting("training images, for int8", minimum=1)]
    threads: Annotated[int, Setting("CPU threads that times are taken with", minimum=1)]
    peak_memory: Annotated[bool, Setting("measured in a fresh process for each file")]


@dataclass(frozen=True, kw_only=True)
class FinishConfig:
    """A whole `nas finish`; `conf/finish.yaml` with all overrides applied."""

    run: Annotated[str, Setting("folder of the run")]
    ui: Annotated[Ui, Setting("auto and plain: a line per retraining; none: silent")]
    pick: Annotated[PickConfig, Setting("which trials become winners")]
    seeds: Annotated[int, Setting("retrainings of each winner", minimum=1)]
    data: Annotated[dict[str, Any], Setting("where they are now, if they moved: data.path")]
    training: Annotated[dict[str, Any], Setting("what is other than in the search")]
    trial_time_limit_s: Annotated[float | None, Setting("seconds; null: no limit", above=0)]
    baselines: Annotated[BaselineConfig, Setting("reference points")]
    distillation: Annotated[DistillationConfig, Setting("a teacher for the winners")]
    compression: Annotated[CompressionConfig, Setting("winners made smaller, then trained on")]
    export: Annotated[ExportConfig, Setting("which files to make")]
    grid_g_per_kwh: Annotated[float | None, Setting("g of CO2 for a kWh here", minimum=0)]
    license: Annotated[str, Setting("of the weights, for the model cards")]
    execution: Annotated[Execution, Setting("where retrainings run")]


def rewritten(override: str) -> str:
    """Return an override in full, where a shorter form is allowed.

    >>> rewritten("pick=knee"), rewritten("pick=3"), rewritten("pick=[3,17]")
    ('pick.which=knee', '+pick.count=3', 'pick.trials=[3,17]')
    >>> rewritten("finish.seeds=5"), rewritten("training.epochs=9")
    ('seeds=5', '++training.epochs=9')
    """
    text = override.removeprefix("finish.")
    key, _, value = text.partition("=")
    if key == "pick":
        if value.startswith("["):
            return f"pick.trials={value}"
        return f"+pick.count={value}" if value.isdecimal() else f"pick.which={value}"
    return f"++{text}" if key.startswith(("training.", "data.")) else text


def check_finish(overrides: Sequence[str]) -> FinishConfig:
    """Compose and check what a command line says.

    Raises:
        ConfigError: with every fault there is.
    """
    full: list[str] = []
    for word in overrides:
        text = rewritten(word)
        if text.startswith("data="):
            raise ConfigError(
                f"'{word}': the data stay those of the run; data.path=... says where they are now"
            )
        if text.startswith("+pick.count="):  # a bare number means: that many, spread
            full += [text.removeprefix("+"), "pick.which=spread"]
        else:
            full.append(text)
    composed = compose_values(Source(config_name="finish", overrides=tuple(full)))
    judge = Judge(known_faults=composed.faults, left_out=composed.unresolved)
    config: FinishConfig | None = judge.record(cls=FinishConfig, value=composed.values, path="")
    if judge.faults or config is None:
        raise ConfigError(in_one_message(judge.faults))
    return config


@dataclass(frozen=True)
class Finish:
    """All that `nas.finish.run.run_finish` needs of a configuration.

    Attributes:
        task: what to finish.
        folder: of the run.
        execution: where retrainings run.
        fingerprint: of the data.
        note: what is to be told of them, or None.
    """

    task: FinishTask
    folder: RunFolder
    execution: Execution
    fingerprint: Fingerprint | None = None
    note: str | None = None

    def make_backend(self, evaluator: Evaluator) -> Backend:
        """Start the workers."""
        return build_backend(self.execution, evaluator)


def build_finish(config: FinishConfig, *, words: Sequence[str]) -> Finish:
    """Make everything that a `nas finish` needs, but start no worker.

    Args:
        config: checked.
        words: of the command line after `nas finish`, for the model cards.

    Raises:
        NasError: the run cannot be finished, or a part refuses its settings.
    """
    folder = RunFolder.open(Path(config.run))
    if not folder.config_yaml.is_file():
        raise RunFolderError(f"{folder.path} has no config.yaml, so it cannot be finished")
    values = read_mapping(folder.config_yaml)
    check_plain(folder.path, values)
    check_record(folder.path, {**values, "execution": None, "storage": None})
    if values.get("table") is not None:
        raise ConfigError(
            f"{folder.path} searched a table: there are no networks to train; its front.csv holds "
            "the score that the table gives"
        )
    objectives = objectives_of(values)
    dataset = _dataset(_with_places(values, config.data, folder))
    fingerprint = fingerprint_of(dataset)
    note = check_same_data(folder, dataset, fingerprint)
    name = known_data(folder).name or dataset.name
    export = config.export
    task = FinishTask(
        space=make_space(values["search_space"]),
        dataset=dataset if name == dataset.name else replace(dataset, name=name),
        recipe=_recipe(values["training"], config.training),
        objectives=objectives,
        records=tuple(comparable_records(load_records(folder.study_journal), objectives)),
        pick=Pick(
            which=config.pick.which,
            count=config.pick.count,
            trials=tuple(config.pick.trials),
            limits=config.pick.limits(),
        ),
        num_seeds=config.seeds,
        seed=values["seed"],
        baselines=Baselines(
            hand_made={"mobilenetv3_small": tuple(config.baselines.mobilenetv3_small)},
            num_random=config.baselines.random,
        ),
        export=ExportSettings(
            onnx=export.onnx,
            int8=export.onnx and export.int8,
            int8_dynamic=export.onnx and export.int8_dynamic,
            int4=export.onnx and export.int4,
            aot_inductor=export.aot_inductor,
            executorch=export.executorch,
            executorch_int8=export.executorch_int8,
            num_calibration=export.calibration_images,
            num_threads=export.threads,
            peak_memory=export.peak_memory,
        )
        if export.files
        else None,
        teaching=_teaching(config.distillation),
        shrinking=Shrinking(
            tuple(config.compression.to),
            config.compression.epochs,
            config.compression.learning_rate,
        ),
        grid_g_per_kwh=config.grid_g_per_kwh,
        license=config.license,
        command=shlex.join(["nas", "finish", *words]),
        num_threads=config.execution.cpus_per_trial,
        gpu_share=config.execution.gpus_per_trial,
    )
    return Finish(task, folder, config.execution, fingerprint, note)


def _teaching(config: DistillationConfig) -> Teaching | None:
    if config.teacher is None and config.model is None:
        return None
    settings = Distillation(
        temperature=config.temperature,
        weight=config.weight,
        feature_weight=config.feature_weight,
    )
    if config.model is None:
        return Teaching(config.teacher or LARGEST, settings=settings)
    model = make(config.model)
    if not isinstance(model, nn.Module):
        raise ConfigError(f"distillation.model makes {type(model).__name__}, not a torch module")
    return Teaching(model=model, settings=settings)


def _with_places(
    values: dict[Any, Any], places: Mapping[str, Any], folder: RunFolder
) -> dict[Any, Any]:
    """Return the settings of a run with what is told anew of where its data are.

    Raises:
        RunFolderError: what is told is no place.
    """
    moved = {**values, "data": {**values["data"], **places}}
    if places:
        refuse_changed(folder, moved)
    return moved


def _dataset(values: Mapping[str, Any]) -> AnyData:
    with telling_where(values):
        made = make(values["data"])
    if not isinstance(made, Dataset | TaskData):
        raise ConfigError(
            f"data {values['data'].get('_target_')} has no test split, so nothing can be "
            "confirmed on it: return a nas.data.dataset.Dataset or a nas.data.task_data.TaskData"
        )
    return made


def _recipe(recorded: Mapping[str, Any], changes: Mapping[str, Any]) -> Recipe:
    """Return the recipe of the search with what is told anew."""
    limits = TrialLimits.names()
    node = {key: value for key, value in recorded.items() if key not in limits}
    known = {item.name for item in fields(Recipe)}
    judge = Judge()
    for key in changes:
        if key not in known:
            judge.record(cls=Recipe, value={key: None}, path="training")
    if judge.faults:
        raise ConfigError(in_one_message(judge.faults))
    made = make({**node, **changes})
    assert isinstance(made, Recipe), "training is a recipe, as the search checked"
    return made
