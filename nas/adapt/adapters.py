"""Low-rank adaptation: a network with weights learns new data by thin updates of them.

Each weight matrix stays as it is and gets the product of two thin ones added (LoRA: Hu et al.,
2021, https://arxiv.org/abs/2106.09685, section 4.1), convolutions as matrices of their output
channels. Norms and the last layer are trained as usual, since new data has other statistics and
other classes. In the end the updates are added up, so that what is stored and run is the network
as it was built.
"""

import math

import torch
from torch import nn
from torch.nn.utils import parametrize

from nas.compress.parametrizations import remove_weight_parametrization
from nas.errors import ConfigError

_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear)
_NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)


class _Update(nn.Module):
    """A weight and the product of two thin matrices, zero at first."""

    def __init__(self, weight: torch.Tensor, rank: int) -> None:
        super().__init__()
        rows, columns = weight.flatten(1).shape
        self.down = nn.Parameter(weight.new_empty(rank, columns))
        self.up = nn.Parameter(weight.new_zeros(rows, rank))
        nn.init.normal_(self.down, std=1 / math.sqrt(columns))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight + (self.up @ self.down).view_as(weight)


def last_layer(model: nn.Module) -> nn.Module | None:
    """Return the last convolution or linear layer, which tells classes; None where none is."""
    return next((m for m in reversed(list(model.modules())) if isinstance(m, _LAYERS)), None)


def adapt(model: nn.Module, *, rank: int) -> None:
    """Let a model with weights be trained by updates of that rank, in place.

    A layer whose update would have as many numbers as itself is trained as it is, and so are norms
    and the last layer; these alone where the rank is 0.

    Args:
        model: with the weights that are to be adapted.
        rank: of each update, at least 0.

    Raises:
        ConfigError: weights of the model are parametrized.
    """
    assert rank >= 0, f"a rank is at least 0, not {rank}"
    if any(parametrize.is_parametrized(module) for module in model.modules()):
        raise ConfigError(
            "training.adapter_rank adapts weights, and those of this network are computed of "
            "others (rounded to few bits, or the like): leave out one of the two"
        )
    layers = [module for module in model.modules() if isinstance(module, _LAYERS)]
    free = {id(parameter) for parameter in layers[-1].parameters()} if layers else set()
    for module in model.modules():
        if isinstance(module, _NORMS):
            free |= {id(parameter) for parameter in module.parameters(recurse=False)}
    adapted = [layer for layer in layers[:-1] if _is_worth_it(layer.weight, rank)]
    rest = {id(parameter) for layer in layers for parameter in layer.parameters()}
    free |= rest - {id(layer.weight) for layer in adapted}
    for parameter in model.parameters():
        parameter.requires_grad_(id(parameter) in free)
    for layer in adapted if rank else ():
        parametrize.register_parametrization(layer, "weight", _Update(layer.weight, rank))


def merge(model: nn.Module) -> None:
    """Add the updates to the weights, in place: an ordinary model that computes the same."""
    for layer in [module for module in model.modules() if _is_adapted(module)]:
        remove_weight_parametrization(layer)
    for parameter in model.parameters():
        parameter.requires_grad_(True)


def _is_adapted(module: nn.Module) -> bool:
    if not parametrize.is_parametrized(module, "weight"):
        return False
    parts = module.get_submodule("parametrizations.weight")
    return any(isinstance(part, _Update) for part in parts.children())


def _is_worth_it(weight: torch.Tensor, rank: int) -> bool:
    rows, columns = weight.flatten(1).shape
    return rank * (rows + columns) < rows * columns
