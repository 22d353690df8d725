"""One training: a model, its data and its recipe, run to its end or to a stated share of it.

Images lie on the device and are taken by plain tensor indexing (no loader, no processes, no copy
to the host inside an epoch), or come from disk where they are too many. A `Training` can be
interrupted at any step, saved and continued (`checkpoint`), and then ends with the same numbers.

Notation, at the end of a tensor's name:
    B batch, C channels, H height, W width, K classes
    images_BHWC as stored, images_BCHW as the model takes them, labels_B classes, logits_BK
A budget is a share of a full training, in (0, 1]; a step is one batch.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn import functional

from nas.running_clock import running_s
from nas.task import Task
from nas.train.appearance import changed_look, mixed, mixed_loss, mixing_weight
from nas.train.augmentation import EpochDraws, draw_epoch
from nas.train.batches import TrialData
from nas.train.course import Course
from nas.train.device import autocast
from nas.train.recipe import Recipe
from nas.train.schedule import learning_rate_factor, make_optimizer

# ruff: noqa: N803, N806 - names of tensors end in their shapes

# Images that are judged at once: fewer of large ones, whose feature maps fill the memory.
_EVALUATION_BATCH = 512
_EVALUATION_PIXELS = _EVALUATION_BATCH * 64 * 64


@dataclass(frozen=True)
class Taken:
    """Which images a batch is made of.

    Attributes:
        indices: (B,) places in the training split.
        mirrored: (B,) whether each is mirrored, or None where none is.
    """

    indices: torch.Tensor
    mirrored: torch.Tensor | None


# Logits (B, K), labels (B,) and what was taken -> the loss; another one than cross entropy.
Loss = Callable[[torch.Tensor, torch.Tensor, Taken], torch.Tensor]


class NonfiniteLossError(Exception):
    """The loss became NaN or infinite."""


class TimeLimitError(Exception):
    """A training took longer than it may."""


@dataclass(frozen=True)
class Score:
    """How a model does on examples it was not trained on.

    Attributes:
        accuracy: share of images whose class has the highest logit; NaN where a task of the user's
            does not measure it.
        loss: mean cross-entropy in nats (natural logarithms: a guess among K classes has
            log K), without label smoothing or class weights; or the task's own loss.
        others: what else a task measures.
    """

    accuracy: float
    loss: float
    others: Mapping[str, float] = field(default_factory=dict)

    def metrics(self) -> dict[str, float]:
        """Return what was measured, by name."""
        known = {"accuracy": self.accuracy, "loss": self.loss, **self.others}
        return {name: value for name, value in known.items() if not math.isnan(value)}


class Training:
    """A training that has come to some step.

    Args:
        model: untrained, on the device.
        data: on the same device, at the size that the model takes.
        recipe: how to train.
        seed: of order and augmentation.
        time_limit_s: seconds of training until `TimeLimitError`; None for no limit.
        loss: of a batch; None for cross entropy with the recipe's smoothing.
        share: of the recipe's steps that this training has, above 0: its schedule is so much
            shorter.
        within_s: seconds in which it is to end; where its steps take longer it takes fewer.
        least_epochs: that it trains for, however long they take.

    Attributes:
        step: steps that were taken.
        num_steps: steps of this training, when it is run to its end in time.
        course: how far it has come.
        earlier_s: seconds that were spent before it was cut and taken up; they count.
    """

    def __init__(
        self,
        model: nn.Module,
        data: TrialData,
        recipe: Recipe,
        *,
        seed: int,
        time_limit_s: float | None = None,
        loss: Loss | None = None,
        share: float = 1.0,
        within_s: float | None = None,
        least_epochs: int = 0,
    ) -> None:
        self.model = model
        self.data = data
        self.recipe = recipe
        self.seed = seed
        self.step = 0
        self.earlier_s = 0.0
        self.device = data.mean.device
        self._time_limit_s = time_limit_s
        self._started = running_s()
        self._augmentation = recipe.augmentations
        self._loss = loss or (self._cross_entropy if data.task is None else self._task_loss)
        self._class_weights = (
            balanced_weights(data.train.labels)
            if recipe.class_weights == "balanced" and data.task is None
            else None
        )
        self._batch_size = min(recipe.batch_size, len(data.train.labels))
        # The last images of an epoch's order that fill no batch wait for another epoch: a batch of
        # one image would break batch norms.
        self._steps_per_epoch = len(data.train.labels) // self._batch_size
        self.num_steps = max(1, round(share * recipe.epochs * self._steps_per_epoch))
        self.course = Course(
            self.num_steps, within_s=within_s, least_steps=least_epochs * self._steps_per_epoch
        )
        self.optimizer = make_optimizer(model, recipe, self.device)
        _set_norm_momentum(model, recipe.norm_momentum)

    @property
    def spent_s(self) -> float:
        """Seconds since it began, those before a cut included; not those of a stopped process."""
        return self.earlier_s + running_s() - self._started

    def run(self, *, budget: float = 1.0, after_step: Callable[[], None] | None = None) -> None:
        """Train until `budget`, a share of the full training, is spent; does nothing if it was.

        Args:
            budget: in (0, 1].
            after_step: called after each step; may save the training, but not change it.

        Raises:
            NonfiniteLossError: the loss of an epoch is not finite.
            TimeLimitError: the time is over.
        """
        last = min(self.num_steps, max(1, round(budget * self.num_steps)))
        self.model.train()
        while self._place < last:
            epoch, first = divmod(self.step, self._steps_per_epoch)
            batches = range(first, min(self._steps_per_epoch, first + last - self.step))
            self._run_epoch(epoch, batches, after_step, last=last)

    @property
    def share_taken(self) -> float:
        """Share of its steps that were taken: below 1 at the end where the time was too short."""
        return self.step / self.num_steps

    @property
    def _place(self) -> float:
        """Where the schedule stands, in steps; the first step is always taken."""
        return self.course.place(self.step) if self.step else 0.0

    def score(self) -> Score:
        """Judge the model on the validation images.

        Raises:
            NonfiniteLossError: the validation loss is not finite.
        """
        score = evaluate(self.model, self.data)
        if not torch.isfinite(torch.tensor(score.loss)):
            raise NonfiniteLossError(f"the validation loss is {score.loss}")
        return score

    def _run_epoch(
        self,
        epoch: int,
        batches: range,
        after_step: Callable[[], None] | None,
        *,
        last: int,
    ) -> None:
        draws = self._draw(epoch)
        total, begun = torch.zeros((), device=self.device), self.step
        size = self._batch_size
        places = [slice(index * size, (index + 1) * size) for index in batches]
        augmented = self.data.train.augmented(draws, places)
        for place, images_BHWC in zip(places, augmented, strict=True):
            if self._place >= last:
                break
            self._check_time()
            total += self._take_step(draws, place, images_BHWC)
            if after_step is not None:
                after_step()
        mean = float(total) / max(1, self.step - begun)  # the only wait for the device
        if not torch.isfinite(torch.tensor(mean)):
            raise NonfiniteLossError(
                f"the training loss is {mean} in epoch {epoch + 1} of {self.recipe.epochs}"
            )

    def _draw(self, epoch: int) -> EpochDraws:
        side = min(self.data.train.size)
        return draw_epoch(
            len(self.data.train.labels),
            seed=self.seed,
            epoch=epoch,
            max_shift=round(self._augmentation.shift * side),
            mirrors=self.data.is_mirrorable,
            device=self.device,
            augmentation=self._augmentation,
            num_channels=len(self.data.mean),
        )

    def _take_step(
        self, draws: EpochDraws, batch: slice, images_BHWC: torch.Tensor
    ) -> torch.Tensor:
        images_BCHW = changed_look(self.data.to_input(images_BHWC), draws, batch)
        weight = mixing_weight(draws, batch)
        self._set_learning_rate()
        with autocast(self.device):
            logits_BK = self.model(mixed(images_BCHW, weight))
            loss = mixed_loss(lambda turns: self._loss_of(logits_BK, draws, batch, turns), weight)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.gradient_norm)
        self.optimizer.step()
        self.step += 1
        return loss.detach()

    def _loss_of(
        self, logits_BK: torch.Tensor, draws: EpochDraws, batch: slice, turns: bool
    ) -> torch.Tensor:
        """Return the loss of a batch; by the labels of the images' opposites if it `turns`."""
        taken = _taken(draws, batch)
        if turns:
            mirrored = None if taken.mirrored is None else taken.mirrored.flip(0)
            taken = Taken(taken.indices.flip(0), mirrored)
        return self._loss(logits_BK, self.data.train.labels[taken.indices], taken)

    def _cross_entropy(
        self, logits_BK: torch.Tensor, labels_B: torch.Tensor, taken: Taken
    ) -> torch.Tensor:
        del taken
        return functional.cross_entropy(
            logits_BK,
            labels_B,
            weight=self._class_weights,
            label_smoothing=self.recipe.label_smoothing,
        )

    def _task_loss(
        self, outputs: torch.Tensor, targets: torch.Tensor, taken: Taken
    ) -> torch.Tensor:
        del taken
        assert self.data.task is not None, "only where there is one"
        return self.data.task.loss(outputs, targets)

    def _set_learning_rate(self) -> None:
        factor = learning_rate_factor(
            self._place, num_steps=self.num_steps, warmup=self.recipe.warmup
        )
        for group in self.optimizer.param_groups:
            # A checkpoint of an earlier version knows no peaks, and AdamW alone.
            group["lr"] = group.get("peak", self.recipe.learning_rate) * factor

    def _check_time(self) -> None:
        limit = self._time_limit_s
        if limit is not None and self.spent_s > limit:
            raise TimeLimitError(
                f"the training took longer than {limit:g} s: step {self.step} of {self.num_steps}"
            )


def _taken(draws: EpochDraws, batch: slice) -> Taken:
    mirrored = None if draws.mirrored is None else draws.mirrored[batch]
    return Taken(draws.order[batch], mirrored)


def balanced_weights(labels: torch.Tensor) -> torch.Tensor:
    """Return a weight for each class, so that all count alike and the mean weight is 1.

    >>> balanced_weights(torch.tensor([0, 0, 0, 1])).tolist()
    [0.6666666865348816, 2.0]
    """
    counts = torch.bincount(labels)
    return len(labels) / (len(counts) * counts.clamp_min(1).to(torch.float32))


def evaluate(model: nn.Module, data: TrialData) -> Score:
    """Return how the model does on the validation images."""
    model.eval()
    if data.task is not None:
        return _evaluate_task(model, data, data.task)
    labels, start = data.validation.labels, 0
    correct = torch.zeros((), device=labels.device)
    total = torch.zeros((), device=labels.device)
    with torch.inference_mode(), autocast(labels.device):
        for images_BHWC in data.validation.blocks(_evaluation_batch(data)):
            labels_B = labels[start : start + len(images_BHWC)]
            start += len(images_BHWC)
            logits_BK = model(data.to_input(images_BHWC)).float()
            correct += (logits_BK.argmax(1) == labels_B).sum()
            total += functional.cross_entropy(logits_BK, labels_B, reduction="sum")
    return Score(accuracy=float(correct) / len(labels), loss=float(total) / len(labels))


def _evaluation_batch(data: TrialData) -> int:
    height, width = data.validation.size
    return max(1, min(_EVALUATION_BATCH, _EVALUATION_PIXELS // (height * width)))


def _evaluate_task(model: nn.Module, data: TrialData, task: Task) -> Score:
    targets = data.validation.labels
    with torch.inference_mode(), autocast(targets.device):
        blocks = data.validation.blocks(_evaluation_batch(data))
        outputs = torch.cat([model(data.to_input(block)).float() for block in blocks])
        loss, found = float(task.loss(outputs, targets)), dict(task.metrics(outputs, targets))
    return Score(accuracy=found.pop("accuracy", math.nan), loss=loss, others=found)


def _set_norm_momentum(model: nn.Module, momentum: float) -> None:
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = momentum
