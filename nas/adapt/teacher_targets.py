"""A teacher for the trials of a search: a network of an earlier search over the same space.

Its weights must be those that a search keeps (`runs/N/models/<trial>`), which have learnt from the
training split alone. Networks that `nas finish` made have seen the validation split, and a student
would carry that into the accuracy that the search judges it by: they are refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from nas.adapt.distillation import Distillation, TeacherTargets, ask_teachers
from nas.architecture import Architecture
from nas.errors import ConfigError, nearest_first
from nas.measure.cost import input_size
from nas.space.space import SearchSpace
from nas.task import DataShape
from nas.train.batches import TrialData

_WHERE = "training.distillation"
_BLOCK = 512  # images that a teacher is asked about at once


def checked_teacher(settings: Mapping[str, Any]) -> tuple[Path, Distillation]:
    """Return the teacher's folder and how much it counts.

    Args:
        settings: `teacher`, a folder, and the fields of `Distillation`.

    Raises:
        ConfigError: a key is unknown, or the folder holds no network that may teach.
    """
    known = ("teacher", *(item.name for item in fields(Distillation)))
    for key in settings:
        if key not in known:
            raise ConfigError(
                f"{_WHERE} has no option '{key}'; known, nearest first: "
                f"{nearest_first(str(key), known)}"
            )
    teacher = settings.get("teacher")
    if not isinstance(teacher, str):
        raise ConfigError(
            f"{_WHERE}.teacher must be the folder of a trained network, such as runs/N/models/12, "
            f"but got {teacher!r}"
        )
    folder = Path(teacher).absolute()
    if (folder / "model.safetensors").is_file():
        raise ConfigError(
            f"{_WHERE}.teacher: {folder} was made by nas finish, so it has learnt from the "
            "validation split, by which the search judges; take one of runs/N/models"
        )
    if (folder / "variant.json").is_file():
        raise ConfigError(
            f"{_WHERE}.teacher: {folder} holds a compressed variant of a network, as its "
            f"variant.json says; take a whole network of {folder.parent}"
        )
    for name in ("weights.safetensors", "architecture.json"):
        if not (folder / name).is_file():
            raise ConfigError(
                f"{_WHERE}.teacher: there is no {folder / name}; give a folder of runs/N/models"
            )
    rest = {key: value for key, value in settings.items() if key != "teacher"}
    return folder, Distillation(**rest)


def targets_of_teacher(
    settings: Mapping[str, Any], space: SearchSpace, data: TrialData, shape: DataShape
) -> TeacherTargets:
    """Run the teacher on all training images, in one forward pass, and return its targets.

    Raises:
        ConfigError: there is no such teacher, or its weights are not of this space.
    """
    folder, distillation = checked_teacher(settings)
    try:
        architecture = Architecture.from_json((folder / "architecture.json").read_text())
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise ConfigError(
            f"{_WHERE}.teacher: {folder / 'architecture.json'} is damaged "
            f"({str(error)[:80]}); take another network"
        ) from error
    model = space.build(architecture, shape)
    try:
        model.load_state_dict(load_file(folder / "weights.safetensors"))
    except (OSError, SafetensorError) as error:
        raise ConfigError(
            f"{_WHERE}.teacher: {folder / 'weights.safetensors'} is damaged "
            f"({str(error)[:80]}); take another network"
        ) from error
    except RuntimeError as error:
        raise ConfigError(
            f"{_WHERE}.teacher: the weights in {folder} are not of a network of this search space "
            f"and data: {str(error).splitlines()[0]}"
        ) from error
    return ask_teachers(
        [model.to(data.mean.device)],
        lambda teacher: views_of(teacher, data, shape),
        distillation=distillation,
    )


def views_of(model: nn.Module, data: TrialData, shape: DataShape) -> list[Iterator[torch.Tensor]]:
    """Return the training images as a model takes them: as they are, mirrored if they may be.

    Each view comes in blocks (B, C, H, W), and is to be taken whole before the next one.
    """
    resized = data.resized(input_size(model, shape))
    views: list[Iterator[torch.Tensor]]
    views = [(resized.to_input(block) for block in resized.train.blocks(_BLOCK))]
    if data.is_mirrorable:
        views.append(resized.to_input(b.flip(2)) for b in resized.train.blocks(_BLOCK))
    return views
