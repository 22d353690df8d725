"""Does a network learn at all? A few steps on one batch of random inputs."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from nas.measure.cost import costs_of, example_inputs
from nas.task import DataShape, TokenShape

# Images and steps of a training: fewer where a network is so large that these take long.
_BATCH, _LEAST_BATCH = 16, 4
_BATCH_MACS = 2e8
_NUM_STEPS, _LEAST_STEPS = 12, 5
_TRAINING_TIME_S = 8.0
_LEARNING_RATE = 3e-3

# Of outputs, inputs and their shape.
Loss = Callable[[torch.Tensor, torch.Tensor, DataShape], torch.Tensor]


@dataclass(frozen=True)
class BriefTraining:
    """What a few steps showed.

    Attributes:
        losses: at each of them.
        dead: names of weights that no gradient reached.
    """

    losses: tuple[float, ...]
    dead: tuple[str, ...]

    @property
    def learns(self) -> bool:
        """Whether the loss stayed finite and fell."""
        return bool(np.isfinite(self.losses).all()) and min(self.losses[-3:]) < self.losses[0]


def train_briefly(model: nn.Module, data: DataShape, *, loss: Loss) -> BriefTraining:
    """Train a model for a few steps, fewer where it is so large that these take long."""
    macs = costs_of(copy.deepcopy(model).to("meta"), data, metrics=("num_macs",))["num_macs"]
    batch = min(_BATCH, max(_LEAST_BATCH, int(_BATCH_MACS / max(1.0, macs))))
    inputs = example_inputs(model, data, count=batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE)
    model.train()
    losses = []
    reached: set[str] = set()
    started_s = time.monotonic()
    for step in range(_NUM_STEPS):
        if step >= _LEAST_STEPS and time.monotonic() - started_s > _TRAINING_TIME_S:
            break
        optimizer.zero_grad()
        current = loss(model(inputs), inputs, data)
        losses.append(float(current.detach()))
        current.backward()  # type: ignore[no-untyped-call] # torch's own
        reached |= {name for name, p in model.named_parameters() if p.grad is not None}
        optimizer.step()
    dead = [n for n, p in model.named_parameters() if p.requires_grad and n not in reached]
    return BriefTraining(tuple(losses), tuple(dead))


def to_labels(outputs: torch.Tensor, inputs: torch.Tensor, data: DataShape) -> torch.Tensor:
    """Return the loss of logits: of the tokens that were seen, or of classes in turn."""
    labels = torch.arange(len(inputs)) % data.num_classes
    if isinstance(data, TokenShape):
        labels = inputs.flatten()
    return nn.functional.cross_entropy(outputs.flatten(0, -2), labels)


def to_drawn_vectors(outputs: torch.Tensor, inputs: torch.Tensor, data: DataShape) -> torch.Tensor:
    """Return the loss of vectors of texts: how far each is from one that was drawn for it."""
    del inputs, data
    drawn = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(0))
    return 1.0 - nn.functional.cosine_similarity(outputs, drawn, dim=-1).mean()
