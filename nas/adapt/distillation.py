"""Knowledge distillation: a small network learns from the outputs of a large one and the labels.

Logits (Hinton et al. 2015, https://arxiv.org/abs/1503.02531): the student's softened distribution
is pulled to the teacher's. Features (Tung and Mori 2019, https://arxiv.org/abs/1907.09682): images
whose features are similar for the teacher should be similar for the student, which needs no equal
shapes.

The teacher runs once, before any training. Its outputs for each training image, and for its mirror
image, are kept (`TeacherTargets`) and looked up in every step. Images that augmentation shifts by
some pixels get the targets of the unshifted image; without shifts this is exact.

Notation, at the end of a tensor's name:
    V views (0 as it is, 1 mirrored), N training images, B batch, K classes,
    D and E features of student and teacher
temperature T: both distributions are softmax(logits / T); weight: the teacher's share of the loss.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from nas.errors import ConfigError

# ruff: noqa: N803, N815 - names of tensors end in their shapes

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Distillation:
    """How much a student listens to its teacher.

    Attributes:
        temperature: both distributions are softened by it; 1 to 10.
        weight: share of the loss that the teacher's logits have, the labels have the rest; 0 to 1.
        feature_weight: of the likeness of features, added to the loss; 0 for none.

    Raises:
        ConfigError: a value is out of its range.
    """

    temperature: float = 4.0
    weight: float = 0.7
    feature_weight: float = 0.0

    def __post_init__(self) -> None:
        """Check each value against its range."""
        if not self.temperature > 0:
            raise ConfigError(
                f"distillation.temperature must be above 0, but got {self.temperature}"
            )
        if not 0 <= self.weight <= 1:
            raise ConfigError(f"distillation.weight must be from 0 to 1, but got {self.weight}")
        if not self.feature_weight >= 0:
            raise ConfigError(
                f"distillation.feature_weight must be at least 0, but got {self.feature_weight}"
            )


@dataclass(frozen=True)
class TeacherTargets:
    """A teacher's outputs for the training images. Arrays, so that Ray shares them.

    Attributes:
        distillation: how much it counts.
        logits_VNK: of each image, and of its mirror image where images are mirrored.
        features_VND: its pooled features, or None where they do not count.
    """

    distillation: Distillation
    logits_VNK: FloatArray
    features_VND: FloatArray | None = None


def ask_teachers(
    teachers: Sequence[nn.Module],
    views_of: Callable[[nn.Module], Sequence[Iterable[torch.Tensor]]],
    *,
    distillation: Distillation,
) -> TeacherTargets:
    """Run teachers on all training images and return their targets.

    Of several teachers it is the mean of their softened probabilities, as logits: for one teacher
    those are its own, up to a constant of each image, which no softmax sees.

    Args:
        teachers: one or more, trained; they are put into evaluation mode.
        views_of: teacher -> inputs of all training images, in blocks (B, C, H, W), as they are
            and, where training mirrors images, mirrored.
        distillation: how much they count.

    Raises:
        ConfigError: features are wanted of several teachers, or of one without a linear layer.
    """
    if distillation.feature_weight and len(teachers) > 1:
        raise ConfigError(
            "distillation.feature_weight needs a single teacher: features of several cannot be "
            "averaged; set it to 0, or take one teacher"
        )
    told = [[_ask(t, view, distillation) for view in views_of(t)] for t in teachers]
    temperature = distillation.temperature
    logits = []
    for views in zip(*told, strict=True):
        softened = torch.stack([(one.logits / temperature).softmax(1) for one in views]).mean(0)
        logits.append(temperature * softened.clamp_min(1e-12).log())
    features = [one.features for one in told[0] if one.features is not None]
    return TeacherTargets(
        distillation,
        torch.stack(logits).numpy(),
        torch.stack(features).numpy() if features else None,
    )


class TaughtLoss:
    """The loss of a student that has a teacher: a function of logits, labels and what was taken.

    Args:
        teacher_targets: what the teacher says.
        student: its features are read where they count.
        device: of the student.
        label_smoothing: of the labels' part.
    """

    def __init__(
        self,
        teacher_targets: TeacherTargets,
        student: nn.Module,
        *,
        device: torch.device,
        label_smoothing: float,
    ) -> None:
        self._settings = teacher_targets.distillation
        self._logits_VNK = torch.tensor(teacher_targets.logits_VNK, device=device)
        self._smoothing = label_smoothing
        self._features_VND = None
        if teacher_targets.features_VND is not None:
            self._features_VND = torch.tensor(teacher_targets.features_VND, device=device)
            self._seen = FeatureTap(student)

    def __call__(
        self,
        logits_BK: torch.Tensor,
        labels_B: torch.Tensor,
        *,
        indices: torch.Tensor,
        mirrored: torch.Tensor | None,
    ) -> torch.Tensor:
        """Return the loss of a batch.

        Args:
            logits_BK: of the student.
            labels_B: true classes.
            indices: (B,) places of the images in the training split.
            mirrored: (B,) whether each was mirrored, or None where none was.
        """
        weight, temperature = self._settings.weight, self._settings.temperature
        views = torch.zeros_like(indices) if mirrored is None else mirrored.long()
        taught = (self._logits_VNK[views, indices] / temperature).log_softmax(1)
        own = (logits_BK / temperature).log_softmax(1)
        # The factor keeps the gradient's size whatever the temperature (Hinton, section 2).
        drawn = functional.kl_div(own, taught, reduction="batchmean", log_target=True)
        labels = functional.cross_entropy(logits_BK, labels_B, label_smoothing=self._smoothing)
        loss = weight * temperature**2 * drawn + (1 - weight) * labels
        if self._features_VND is not None:
            alike = likeness_loss(self._seen.features, self._features_VND[views, indices])
            loss = loss + self._settings.feature_weight * alike
        return loss


class FeatureTap:
    """Reads what goes into a model's classifier: its last linear layer.

    Raises:
        ConfigError: the model has none.
    """

    def __init__(self, model: nn.Module) -> None:
        layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
        if not layers:
            raise ConfigError(
                "distillation.feature_weight needs a model whose classifier is a linear layer; "
                "this one has none: set it to 0"
            )
        self.features = torch.empty(0)
        layers[-1].register_forward_pre_hook(self._keep)

    def _keep(self, module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        del module
        self.features = inputs[0]


def likeness_loss(student_BD: torch.Tensor, teacher_BE: torch.Tensor) -> torch.Tensor:
    """Return how differently two networks judge which images of a batch are alike.

    The mean squared difference of the two matrices of inner products (B, B), each row of
    length 1 (Tung and Mori, equations 2 to 4); 0 where they agree, whatever the widths.
    """
    grams = [functional.normalize(x.flatten(1) @ x.flatten(1).T) for x in (student_BD, teacher_BE)]
    return (grams[0] - grams[1]).square().mean()


@dataclass(frozen=True)
class _Told:
    logits: torch.Tensor
    features: torch.Tensor | None


def _ask(teacher: nn.Module, blocks: Iterable[torch.Tensor], distillation: Distillation) -> _Told:
    tap = FeatureTap(teacher) if distillation.feature_weight else None
    logits, features = [], []
    teacher.eval()
    with torch.no_grad():
        for batch in blocks:
            logits.append(teacher(batch).float().cpu())
            if tap is not None:
                features.append(tap.features.flatten(1).float().cpu())
    return _Told(torch.cat(logits), torch.cat(features) if features else None)
