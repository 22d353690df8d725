"""Steps of whole matrices: Muon (Jordan et al., 2024, https://kellerjordan.github.io/posts/muon/).

The gradient of a kernel, smoothed over the last steps, is taken as a matrix of outputs by inputs
and moved towards the nearest matrix whose singular values are all 1 (Newton and Schulz's
iteration). So directions that the loss hardly asks for move as far as those that it asks for most.
torch has Muon for matrices alone; this one takes kernels of convolutions too. `nas.train.schedule`
says which weights it is for.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn

# ruff: noqa: N806 - names of tensors end in their shapes
# M the shorter side of a matrix, N its longer side

_MOMENTUM = 0.95
# Of the iteration x -> a x + b x^3 + c x^5 on singular values, from the source: it does not end
# at 1 but soon comes between 0.7 and 1.2, from values of a hundredth.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_NUM_TURNS = 5


class Muon(torch.optim.Optimizer):
    """Changes kernels and matrices by steps of even singular values.

    Args:
        groups: of parameters of two or more axes, the first one of which counts outputs; each with
            `lr` and `weight_decay`, whose product is the share that weights lose in a step.
    """

    def __init__(self, groups: Iterable[dict[str, Any]]) -> None:
        super().__init__(groups, {"lr": 0.02, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Change each parameter that has a gradient."""
        del closure
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._change(parameter, group)

    def _change(self, parameter: nn.Parameter, group: Mapping[str, Any]) -> None:
        gradient, state = parameter.grad, self.state[parameter]
        assert gradient is not None, "only parameters with one are changed"
        if not state:
            state["mean"] = torch.zeros_like(parameter)
        state["mean"].lerp_(gradient, 1 - _MOMENTUM)
        ahead = gradient.lerp(state["mean"], _MOMENTUM)  # Nesterov's look ahead
        matrix = ahead.flatten(1)
        outputs, inputs = matrix.shape
        step = evened(matrix).reshape(parameter.shape)
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(step, alpha=-group["lr"] * max(1.0, outputs / inputs) ** 0.5)


class Together:
    """Several optimizers as one, each for parameters of its own."""

    def __init__(self, *parts: torch.optim.Optimizer) -> None:
        self._parts = parts

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of all."""
        return [group for part in self._parts for group in part.param_groups]

    def zero_grad(self, *, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        for part in self._parts:
            part.zero_grad(set_to_none=set_to_none)

    def step(self) -> None:
        """Change the parameters of all."""
        for part in self._parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """Return what a training needs to go on."""
        return {"parts": [part.state_dict() for part in self._parts]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what `state_dict` returned."""
        for part, own in zip(self._parts, state["parts"], strict=True):
            part.load_state_dict(own)


def evened(matrix: torch.Tensor) -> torch.Tensor:
    """Return a matrix of the same singular vectors whose singular values are about 1.

    Values far below the largest one are raised less; a matrix of zeros stays as it is. The turns
    are taken on the product of the matrix with its transpose, which is the smaller one.
    """
    is_tall = matrix.shape[0] > matrix.shape[1]
    wide_MN = matrix.T if is_tall else matrix
    wide_MN = wide_MN / (wide_MN.norm() + 1e-7)
    product_MM = wide_MN @ wide_MN.T
    turned_MM: torch.Tensor | None = None
    for turn in range(_NUM_TURNS):
        factor_MM = torch.addmm(product_MM, product_MM, product_MM, beta=_B, alpha=_C)
        factor_MM.diagonal().add_(_A)
        turned_MM = factor_MM if turned_MM is None else factor_MM @ turned_MM
        if turn < _NUM_TURNS - 1:
            product_MM = factor_MM @ (factor_MM @ product_MM)
    assert turned_MM is not None, "there are turns"
    even_MN: torch.Tensor = turned_MM @ wide_MN
    return even_MN.T if is_tall else even_MN
