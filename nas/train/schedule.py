"""The learning rate of each step, and which parameters decay: AdamW with one cycle.

One cycle (Smith and Topin, 2017, https://arxiv.org/abs/1708.07120): up to the peak, then down to
zero. The factor is a function of the step alone, or, where a training is to end in time, of the
step that its clock stands at: a training that was cut needs no scheduler state.
"""

import math

import torch
from torch import nn

from nas.train.recipe import Recipe


def learning_rate_factor(step: float, *, num_steps: int, warmup: float) -> float:
    """Return the share of the peak learning rate for a step, counted from 0; at most the last.

    Linear from a tenth to 1 in the first `warmup` share of the steps, then half a cosine to 0.

    >>> [round(learning_rate_factor(s, num_steps=5, warmup=0.2), 2) for s in range(5)]
    [1.0, 0.9, 0.65, 0.35, 0.1]
    """
    num_warmup = max(1, round(warmup * num_steps))
    if step < num_warmup:
        return 0.1 + 0.9 * (step + 1) / num_warmup
    progress = min(1.0, (step - num_warmup + 1) / (num_steps - num_warmup + 1))
    return 0.5 * (1.0 + math.cos(math.pi * progress))


def make_optimizer(model: nn.Module, recipe: Recipe, device: torch.device) -> torch.optim.AdamW:
    """Return AdamW, fused where torch has it, that decays matrices and kernels only."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=recipe.learning_rate,
        fused=device.type in ("cpu", "cuda"),
    )
