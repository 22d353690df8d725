"""Data of a user's own task: inputs and targets of any kind, in three fixed splits.

An input is an array of height x width x channels: a signal has height 1, a row of a table has
height and width 1. A target is whatever the task's loss takes: a number, a vector, a map.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nas.data.dataset import (
    SearchData,
    Split,
    ThreeSplits,
    check_images,
    check_lengths,
)
from nas.data.normalisation import Normalisation, normalisation_of
from nas.errors import DataError
from nas.task import Task

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class TaskData(ThreeSplits):
    """Inputs and targets with a task.

    Attributes:
        name: for people and records.
        task: what outputs are trained and judged by.
        train: inputs (N, H, W, C), uint8 or float32, and targets (N, ...).
        validation: what the search judges models by.
        test: opened once, for confirmed winners.
        num_outputs: what `build` is told as `num_classes`.
        split_rule: one sentence that says how the splits were drawn.
        is_mirrorable: a mirrored input keeps its target.
        normalisation: of the inputs of `train` alone.

    Raises:
        DataError: the splits are empty or do not fit each other.
    """

    name: str
    task: Task
    train: Split
    validation: Split
    test: Split
    num_outputs: int
    split_rule: str
    is_mirrorable: bool = False
    normalisation: Normalisation = field(init=False)

    def __post_init__(self) -> None:
        for word, split in self.splits().items():
            check_images(split.images, f"{self.name}: the {word} split")
            where = f"{self.name}: the {word} split"
            check_lengths(split, where=where, one="input", other="target")
            for what in ("images", "labels"):
                ours, other = getattr(split, what), getattr(self.train, what)
                if (ours.shape[1:], ours.dtype) != (other.shape[1:], other.dtype):
                    raise DataError(
                        f"{self.name}: {what} of {word} are {ours.dtype} {ours.shape[1:]}, those "
                        f"of train {other.dtype} {other.shape[1:]}; make them alike"
                    )
        object.__setattr__(self, "normalisation", normalisation_of(self.train.images))

    def search_data(self) -> SearchData:
        """Return what the search may see."""
        return SearchData(
            name=self.name,
            train=self.train,
            validation=self.validation,
            normalisation=self.normalisation,
            num_classes=self.num_outputs,
            is_mirrorable=self.is_mirrorable,
            task=self.task,
        )

    def describe(self) -> dict[str, object]:
        """Return what a record keeps, the task among it."""
        return {**super().describe(), "task": type(self.task).__name__}


class MultiLabel(Task):
    """Several labels an example: targets (B, K) of 0 and 1, one logit for each label."""

    measures = ("accuracy", "quality")

    def loss(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """Return the mean binary cross entropy."""
        from torch.nn import functional  # not above: loaders name this module, and torch is slow

        return functional.binary_cross_entropy_with_logits(outputs.float(), targets.float())

    def metrics(self, outputs: "Tensor", targets: "Tensor") -> dict[str, float]:
        """Return the share of correct labels, and as quality the mean average precision."""
        right = (outputs > 0) == targets.bool()
        return {
            "accuracy": float(right.float().mean()),
            "quality": mean_average_precision(outputs, targets),
        }


def mean_average_precision(outputs: "Tensor", targets: "Tensor") -> float:
    """Return the average precision of each label's ranking, averaged over labels; 0.0 for none.

    The precision at the rank of each example that has the label, averaged; labels that no example
    has are left out.

    Args:
        outputs: (N, K) scores.
        targets: (N, K) 0 and 1.
    """
    import torch

    order = outputs.argsort(dim=0, descending=True, stable=True)
    hits = targets.to(torch.float64).gather(0, order)
    ranks = torch.arange(1, len(hits) + 1, device=hits.device, dtype=torch.float64)[:, None]
    precision = hits.cumsum(dim=0) / ranks
    present = hits.sum(dim=0) > 0
    if not bool(present.any()):
        return 0.0
    average = (precision * hits).sum(dim=0)[present] / hits.sum(dim=0)[present]
    return float(average.mean())
