"""Which networks teach the winners, and what do they predict for the training images?

A teacher was trained on train and validation, as its students are, and never on the test split.
Winners become teachers by their size alone: to take the one with the best test result would be to
choose by the test split.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load as load_safetensors
from torch import nn

from nas.adapt.distillation import Distillation, TeacherTargets, ask_teachers
from nas.adapt.teacher_targets import views_of
from nas.data.dataset import Dataset
from nas.data.task_data import TaskData
from nas.errors import ConfigError
from nas.evaluation.placement import move_to_device
from nas.evaluation.winner_metric import AnyData
from nas.finish.confirm import RetrainingPlan, Winner
from nas.finish.kept_weights import read_weights
from nas.finish.retrain import weights_path
from nas.measure.cost import input_size
from nas.space.space import SearchSpace
from nas.task import DataShape
from nas.train.device import choose_device

LARGEST, ENSEMBLE = "largest", "ensemble"
_NUM_ENSEMBLE = 3  # winners whose retrainings teach together


@dataclass(frozen=True)
class TeacherChoice:
    """A distillation of the winners.

    Attributes:
        teacher: `LARGEST`: the first retraining of the largest winner, which is no student then;
            `ENSEMBLE`: all retrainings of the three largest winners together.
        model: a network with weights that teaches instead; takes normalised images.
        settings: how much it counts.
    """

    teacher: str = LARGEST
    model: nn.Module | None = None
    settings: Distillation = field(default_factory=Distillation)


@dataclass(frozen=True)
class TaughtWinners:
    """What the teacher predicts, and who learns from it.

    Attributes:
        teacher_targets: the predictions for the training images.
        step: names the trainings of this class; changes with teacher and settings.
        students: the winners that learn.
        story: who teaches, and how much it counts; a sentence.
    """

    teacher_targets: TeacherTargets
    step: str
    students: tuple[Winner, ...]
    story: str


def check_teacher_choice(teaching: TeacherChoice, *, num_winners: int, dataset: AnyData) -> None:
    """Refuse what cannot be taught, before anything is trained for it.

    Args:
        teaching: who teaches.
        num_winners: networks that are confirmed.
        dataset: what they learn from.

    Raises:
        ConfigError: the teacher is unknown, or the only winner, or takes other images, or there
            are no classes.
    """
    if isinstance(dataset, TaskData):
        raise ConfigError(
            f"distillation softens what a teacher says of classes, and {dataset.name} is trained "
            f"by the loss of {type(dataset.task).__name__}: leave distillation.teacher=null"
        )
    if teaching.model is not None:
        _check_outputs(teaching.model, dataset.shape)
    elif teaching.teacher not in (LARGEST, ENSEMBLE):
        raise ConfigError(
            f"distillation.teacher must be {LARGEST} or {ENSEMBLE}, but got "
            f"'{teaching.teacher}'; for a network of your own give distillation.model with a "
            "_target_"
        )
    elif teaching.teacher == LARGEST and num_winners < 2:
        raise ConfigError(
            "distillation.teacher=largest leaves no student: there is one winner, which teaches; "
            "pick more winners, or take distillation.teacher=ensemble"
        )
    elif teaching.teacher == ENSEMBLE and teaching.settings.feature_weight:
        raise ConfigError(
            "distillation.feature_weight needs a single teacher, since features of several "
            "cannot be averaged: set it to 0, or take distillation.teacher=largest"
        )


def _check_outputs(model: nn.Module, shape: DataShape) -> None:
    """Refuse a network that does not take these images, or has another number of classes."""
    images = torch.zeros(2, shape.input_shape[0], *input_size(model, shape))
    try:
        with torch.no_grad():
            outputs = model.eval()(images)
    except RuntimeError as error:
        raise ConfigError(
            f"distillation.model does not take images of {tuple(images.shape[1:])} (channels, "
            f"height, width): {str(error).splitlines()[0]}"
        ) from error
    wanted = (2, shape.num_classes)
    if not isinstance(outputs, torch.Tensor) or tuple(outputs.shape) != wanted:
        got = tuple(outputs.shape) if isinstance(outputs, torch.Tensor) else type(outputs).__name__
        raise ConfigError(
            f"distillation.model must return {wanted} logits for two images, but returned {got}; "
            f"it needs an output for each of the {shape.num_classes} classes"
        )


def teach_winners(
    teaching: TeacherChoice,
    winners: Sequence[Winner],
    *,
    plan: RetrainingPlan,
    space: SearchSpace,
    dataset: AnyData,
    folder: Path,
) -> TaughtWinners:
    """Let the teacher predict: about one pass over the training images for each teaching network.

    Args:
        teaching: who teaches.
        winners: confirmed ones, smallest first, with all of their weights on disk.
        plan: of their confirmation.
        space: builds them.
        dataset: what they learnt from.
        folder: the `finish` folder.

    Raises:
        ConfigError: see `check_teacher_choice`.
    """
    check_teacher_choice(teaching, num_winners=len(winners), dataset=dataset)
    assert isinstance(dataset, Dataset), "only those with classes get through the check"
    students = list(winners)
    if teaching.model is not None:
        teachers, keys = [teaching.model], [_key_of(teaching.model)]
        names = [f"a {type(teaching.model).__name__} that was given"]
    else:
        jobs = _teaching_jobs(teaching.teacher, winners, plan)
        students = students[:-1] if teaching.teacher == LARGEST else students
        keys = [key for _, key in jobs]
        names = list(dict.fromkeys(candidate.name for candidate, _ in jobs))
        teachers = [_trained(c, key, space, dataset, folder) for c, key in jobs]
    data = move_to_device(dataset.final_data(), choose_device(plan.recipe.device))
    teacher_targets = ask_teachers(
        [teacher.to(data.mean.device) for teacher in teachers],
        lambda model: views_of(model, data, dataset.shape),
        distillation=teaching.settings,
    )
    story = _story(names, len(teachers), teaching.settings)
    return TaughtWinners(teacher_targets, _step(keys, teaching.settings), tuple(students), story)


def _trained(
    candidate: Winner, key: str, space: SearchSpace, dataset: AnyData, folder: Path
) -> nn.Module:
    model = space.build(candidate.architecture, dataset.shape)
    model.load_state_dict(load_safetensors(read_weights(weights_path(folder, key))))
    return model


def _teaching_jobs(
    teacher: str, winners: Sequence[Winner], plan: RetrainingPlan
) -> list[tuple[Winner, str]]:
    if teacher == LARGEST:
        return [(winners[-1], plan.jobs_of(winners[-1])[0].key)]
    largest = winners[-_NUM_ENSEMBLE:]
    return [(candidate, job.key) for candidate in largest for job in plan.jobs_of(candidate)]


def _story(names: Sequence[str], num_teachers: int, settings: Distillation) -> str:
    """Return a sentence for model cards."""
    who = ", ".join(names)
    if num_teachers > 1:
        who = f"{num_teachers} networks, the retrainings of {who}"
    told = ", ".join(f"{key} {value:g}" for key, value in asdict(settings).items() if value)
    return f"Taught also by {who} (knowledge distillation: {told})."


def _step(keys: Sequence[str], settings: Distillation) -> str:
    """Return the name of trainings that these teachers teach in this way."""
    text = "|".join([repr(settings), *keys])
    return f"distilled {hashlib.blake2b(text.encode(), digest_size=6).hexdigest()}"


def _key_of(model: nn.Module) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().numpy().tobytes())
    return digest.hexdigest()
