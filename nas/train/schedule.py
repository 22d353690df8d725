"""The learning rate of each step, and what changes which weights: one cycle, AdamW or Muon.

One cycle (Smith and Topin, 2017, https://arxiv.org/abs/1708.07120): up to the peak, then down to
zero. The factor is a function of the step alone, or, where a training is to end in time, of the
step that its clock stands at: a training that was cut needs no scheduler state.
"""

import math
from typing import Any

import torch
from torch import nn

from nas.train.muon import Muon, Together
from nas.train.recipe import Recipe

# The peak of Muon's learning rate, in multiples of AdamW's, measured (experiments/photos).
MUON_FACTOR = 8.0
_KERNEL = 4  # axes of a kernel of two dimensions


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


def make_optimizer(
    model: nn.Module, recipe: Recipe, device: torch.device
) -> torch.optim.AdamW | Together:
    """Return what changes the weights; each group knows its `peak` of the learning rate.

    AdamW, fused where torch has it, decays matrices and kernels only. With Muon the kernels of
    convolutions inside the network are its own: not the first, which reads the images, and none
    that sums over one input, such as a depthwise kernel. Matrices of transformers stay with AdamW,
    which was 1.5 and 4.1 points ahead on two of the space `vit`.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    decaying = [p for p in parameters if p.ndim >= 2]
    inside = [p for p in decaying[1:] if p.ndim == _KERNEL and p.shape[1] > 1]
    even = inside if recipe.optimizer == "muon" else []
    peak, decay = recipe.learning_rate, recipe.weight_decay
    own = {id(parameter) for parameter in even}
    groups = [
        _group([p for p in decaying if id(p) not in own], peak, decay),
        _group([p for p in parameters if p.ndim < 2], peak, 0.0),
    ]
    adamw = torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=peak,
        fused=device.type in ("cpu", "cuda"),
    )
    if not even:
        return adamw
    # Weights lose the same share in a step as by AdamW.
    return Together(adamw, Muon([_group(even, MUON_FACTOR * peak, decay / MUON_FACTOR)]))


def _group(parameters: list[nn.Parameter], peak: float, decay: float) -> dict[str, Any]:
    return {"params": parameters, "lr": peak, "peak": peak, "weight_decay": decay}
