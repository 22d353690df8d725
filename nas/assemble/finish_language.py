"""From a checked configuration and the run of a language model to its `nas finish`."""

import shlex
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from nas.assemble.make import make_space
from nas.assemble.recipes import recipe_of
from nas.assemble.workers import num_cpus, num_workers
from nas.config.finishing import FinishConfig
from nas.data.text import TextData
from nas.errors import ConfigError
from nas.evaluation.language_spaces import HasEncoderTeacher
from nas.export.gguf_files import has_gguf_packages
from nas.finish.choose import Pick
from nas.finish.language_task import LanguageTask
from nas.objective import Objective
from nas.train.token_recipe import TokenRecipe
from nas.trial import TrialRecord


def language_task(
    config: FinishConfig,
    values: Mapping[str, Any],
    *,
    dataset: TextData,
    objectives: tuple[Objective, ...],
    records: Sequence[TrialRecord],
    pick: Pick,
    words: Sequence[str],
) -> LanguageTask:
    """Return what to finish.

    Raises:
        ConfigError: something is asked for that is of images only, or a setting is unknown.
    """
    _refuse_images_only(config)
    space = make_space(values["search_space"])
    if config.distillation.teacher is not None and isinstance(space, HasEncoderTeacher):
        raise ConfigError(
            "students of an encoder are taught by search_space.teacher in every training; leave "
            "out distillation.teacher"
        )
    return LanguageTask(
        space=space,
        dataset=dataset,
        recipe=recipe_of(values["training"], config.training, kind=TokenRecipe),
        objectives=objectives,
        records=tuple(records),
        pick=pick,
        num_seeds=config.seeds,
        seed=values["seed"],
        distils=config.distillation.teacher is not None,
        temperature=config.distillation.temperature,
        teacher_weight=config.distillation.weight,
        bits=(None, 8, 4) if config.export.files else (),
        has_onnx="onnx" in config.export.wanted() and _has_onnx_packages(),
        has_gguf=has_gguf_packages(),
        labelled_texts=values["evaluation"].get("labelled_texts"),
        license=config.license,
        command=shlex.join(["nas", "finish", *words]),
        num_threads=config.execution.cpus_per_trial,
        gpu_share=config.execution.gpus_per_trial,
        num_slots=num_workers(config.execution, num_cpus=num_cpus()),
        budget_s=config.budget,
        keeps_tokens="tokens" in config.training,
    )


def _refuse_images_only(config: FinishConfig) -> None:
    """Refuse what language models have not.

    Raises:
        ConfigError: what, and what they have in its place.
    """
    if config.compression.to:
        raise ConfigError(
            f"compression.to={list(config.compression.to)} is for images; language models are "
            "stored in 8 and 4 bits beside the floats: model_int8.safetensors"
        )
    if config.distillation.model is not None or config.distillation.teacher not in (
        None,
        "largest",
    ):
        raise ConfigError(
            "language models are taught by the largest winner: distillation.teacher=largest"
        )


def _has_onnx_packages() -> bool:
    """Say whether ONNX files can be made; without the packages a model has its other files."""
    return all(find_spec(name) is not None for name in ("onnx", "onnxruntime", "onnxscript"))
