"""By which number are winners judged?

Data that tell classes apart are judged by accuracy. A task of the user's own is judged by what the
search made better of what the task measures, or else by the first of its measures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from nas.data.dataset import Dataset
from nas.data.task_data import TaskData
from nas.metric import Direction
from nas.objective import Objective, objective_for
from nas.task import Task

AnyData: TypeAlias = Dataset | TaskData


@dataclass(frozen=True)
class WinnerMetric:
    """A number that outputs are judged by.

    Attributes:
        metric: its name, one of `nas.metric.METRICS`.
        tells_classes: a target is the index of the output that should be highest.
        task: what measures it; None where it is the share of correct answers.
    """

    metric: str
    tells_classes: bool
    task: Task | None = None

    @property
    def is_share(self) -> bool:
        """Whether it counts right examples, so that its chance is that of a coin."""
        return self.metric == "accuracy" and self.tells_classes

    @property
    def is_maximised(self) -> bool:
        """Whether higher is better."""
        return objective_for(self.metric).direction is Direction.MAXIMIZE

    def gain(self, value: float, other: float) -> float:
        """Return by how much `value` is better than `other`; negative where it is worse."""
        return value - other if self.is_maximised else other - value

    def value(self, outputs: npt.NDArray[np.float32], targets: npt.NDArray[np.generic]) -> float:
        """Return the number.

        Args:
            outputs: (N, ...) of the network.
            targets: (N, ...) as the data hold them.
        """
        if self.task is None:
            return float((outputs.argmax(1) == targets).mean())
        given, wanted = torch.from_numpy(outputs), torch.from_numpy(targets)
        if self.metric == "loss":
            return float(self.task.loss(given, wanted))
        return float(self.task.metrics(given, wanted)[self.metric])

    def agreement(
        self, outputs: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]
    ) -> float:
        """Return the share of examples with the same class; NaN where there are no classes."""
        if not self.tells_classes:
            return float("nan")
        return float((outputs.argmax(1) == expected.argmax(1)).mean())


ACCURACY = WinnerMetric("accuracy", tells_classes=True)


def winner_metric_of(dataset: AnyData, objectives: Sequence[Objective]) -> WinnerMetric:
    """Return what the winners of a search on these data are judged by."""
    if isinstance(dataset, Dataset):
        return ACCURACY
    measured = (*dataset.task.measures, "loss")
    wanted = [o.metric for o in objectives if o.metric in measured]
    labels = dataset.train.labels
    return WinnerMetric(
        (wanted or measured)[0],
        tells_classes=labels.ndim == 1 and np.issubdtype(labels.dtype, np.integer),
        task=dataset.task,
    )
