"""One learning rate for all widths: how large steps are, by the shape of what they change.

A weight matrix of a network that is twice as wide sums over twice as many inputs, so a step of
Adam, which moves every number by as much, changes its output twice as far. The rule, after Yang
et al., "Tensor Programs V", 2022, https://arxiv.org/abs/2203.03466 (table 3, Adam):

    matrices inside     learning rate x `BASE_WIDTH` / inputs; drawn with deviation inputs ** -0.5
    embedding, output   learning rate x `TABLE_FACTOR`, whatever the width; the last features are
                        scaled by 1 / width (`nas.models.decoder.LOGIT_SCALE`)
    norms               the learning rate

Muon (Jordan et al., 2024, https://kellerjordan.github.io/posts/muon/) moves a matrix by a matrix
whose singular values are all 1, times the root of outputs over inputs where these are more: its
step changes outputs as far at every width as it is. Decay is a share of the weights a step, the
same for all: the decay that is asked for times the learning rate that is asked for.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from nas.train.muon import Muon
from nas.train.token_recipe import TokenRecipe

BASE_WIDTH = 64
TABLE_FACTOR = 6.0
# The step of Muon for a step of AdamW at the base width, measured (docs/language.md).
MUON_FACTOR = 2.0
_BETAS = (0.9, 0.95)


@dataclass(frozen=True)
class _Group:
    """Parameters with one learning rate.

    Attributes:
        parameters: which.
        factor: of the learning rate.
        decays: whether they decay.
    """

    parameters: list[nn.Parameter]
    factor: float
    decays: bool


class TokenOptimizer:
    """All that changes weights in a training: AdamW, perhaps Muon, and an average of the weights.

    Args:
        model: whose weights.
        recipe: how.
        device: where; AdamW is fused where torch has it.
    """

    def __init__(self, model: nn.Module, recipe: TokenRecipe, device: torch.device) -> None:
        self._parameters = [p for p in model.parameters() if p.requires_grad]
        self._recipe = recipe
        self._optimizers = _optimizers(model, recipe, device)
        self._mean: list[torch.Tensor] = []
        self._num_averaged = 0

    def step(self, factor: float) -> None:
        """Change the weights by their gradients, and forget these.

        Args:
            factor: share of the peak of each learning rate.
        """
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def average(self) -> None:
        """Take the weights as they are into the mean."""
        with torch.no_grad():
            if not self._mean:
                self._mean = [p.detach().clone() for p in self._parameters]
            else:
                share = 1.0 / (self._num_averaged + 1)
                torch._foreach_lerp_(self._mean, [p.detach() for p in self._parameters], share)
        self._num_averaged += 1

    def take_mean(self) -> None:
        """Give the model the mean weights, where there are any."""
        with torch.no_grad():
            for parameter, mean in zip(self._parameters, self._mean, strict=False):
                parameter.copy_(mean)

    def state_dict(self) -> dict[str, Any]:
        """Return what a training needs to go on."""
        return {
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
            "mean": list(self._mean),
            "num_averaged": self._num_averaged,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take what `state_dict` returned."""
        for optimizer, own in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(own)
        self._mean = [
            mean.to(parameter.device)
            for mean, parameter in zip(state["mean"], self._parameters, strict=False)
        ]
        self._num_averaged = int(state["num_averaged"])


def _optimizers(
    model: nn.Module, recipe: TokenRecipe, device: torch.device
) -> list[torch.optim.Optimizer]:
    tables, matrices, rest = _sorted_by_kind(model)
    by_inputs: dict[int, list[nn.Parameter]] = {}
    for matrix in matrices:
        by_inputs.setdefault(matrix.shape[1], []).append(matrix)
    groups = [_Group(tables, TABLE_FACTOR, True), _Group(rest, 1.0, False)]
    made: list[torch.optim.Optimizer] = []
    if recipe.optimizer == "muon" and matrices:
        made.append(Muon([_node(_Group(matrices, MUON_FACTOR, True), recipe)]))
    else:
        groups += [_Group(found, BASE_WIDTH / n, True) for n, found in by_inputs.items()]
    nodes = [_node(group, recipe) for group in groups if group.parameters]
    is_fused = device.type in ("cpu", "cuda")
    if nodes:
        adamw = torch.optim.AdamW(nodes, lr=recipe.learning_rate, betas=_BETAS, fused=is_fused)
        made.append(adamw)
    return made


def _sorted_by_kind(
    model: nn.Module,
) -> tuple[list[nn.Parameter], list[nn.Parameter], list[nn.Parameter]]:
    """Return embeddings and outputs, matrices inside, and all others."""
    names = ("embedding.weight", "head.weight")
    tables, matrices, rest = [], [], []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if name.endswith(names):
            tables.append(parameter)
        elif parameter.ndim == 2:
            matrices.append(parameter)
        else:
            rest.append(parameter)
    return tables, matrices, rest


def _node(group: _Group, recipe: TokenRecipe) -> dict[str, Any]:
    peak = recipe.learning_rate * group.factor
    return {
        "params": group.parameters,
        "lr": peak,
        "peak": peak,
        "weight_decay": recipe.weight_decay / group.factor if group.decays else 0.0,
    }
