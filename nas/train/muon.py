"""Muon: a step moves a matrix by one whose singular values are all about 1.

Jordan et al., 2024, https://kellerjordan.github.io/posts/muon/: the momentum of the gradient,
looked ahead (Nesterov), with its singular values brought to 1 by five steps of a polynomial that
needs products alone; where a matrix has more outputs than inputs, the step is larger by the root
of their ratio. So directions that the loss hardly asks for move as far as those that it asks for
most. A kernel is a matrix of outputs by inputs and places.

`torch.optim.Muon` takes matrices alone, and products in bfloat16, which few CPUs compute quickly:
on one without it they took three quarters of a training's time. Here CPUs take them in floats, and
parameters of equal shape are one batch. `nas.train.schedule` and `nas.train.width_rules` say
which weights are moved so.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch

# Of x, x³ and x⁵: five steps bring what is from 0.003 to 1 to between 0.68 and 1.21.
_POLYNOMIAL = (3.4445, -4.7750, 2.0315)
_STEPS = 5
_EPSILON = 1e-7
_MOMENTUM = 0.95
# So many times longer than wide, steps on the products of its rows are fewer operations.
_LONG = 2.0


class Muon(torch.optim.Optimizer):
    """Moves matrices and kernels; other parameters need another optimizer.

    Args:
        groups: of parameters of two or more axes, outputs first, each with `params`, `lr` and
            `weight_decay`: the share of the weights that a step takes away is its product with the
            learning rate.
    """

    def __init__(self, groups: Iterable[dict[str, Any]]) -> None:
        super().__init__(groups, {"lr": 0.02, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Change the parameters by their gradients."""
        assert closure is None, "gradients are there before a step"
        for group in self.param_groups:
            alike: dict[tuple[int, ...], list[torch.Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    alike[tuple(parameter.shape)].append(parameter)
            for shape, parameters in alike.items():
                directions = torch.stack(self._directions(parameters)).flatten(2)
                moves = even_singular_values(directions).reshape(-1, *shape)
                torch._foreach_mul_(parameters, 1.0 - group["lr"] * group["weight_decay"])
                size = group["lr"] * math.sqrt(max(1.0, shape[0] / math.prod(shape[1:])))
                torch._foreach_add_(parameters, list(moves.unbind()), alpha=-size)

    def _directions(self, parameters: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        gradients = [each.grad for each in parameters if each.grad is not None]
        for each in parameters:
            if "momentum_buffer" not in self.state[each]:
                self.state[each]["momentum_buffer"] = torch.zeros_like(each)
        momenta = [self.state[each]["momentum_buffer"] for each in parameters]
        torch._foreach_lerp_(momenta, gradients, 1.0 - _MOMENTUM)
        return list(torch._foreach_lerp(gradients, momenta, _MOMENTUM))


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


def even_singular_values(matrices: torch.Tensor) -> torch.Tensor:
    """Return matrices of the same singular vectors, with singular values of about 1.

    Args:
        matrices: (N, R, C); one of zeros stays as it is.
    """
    is_tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if is_tall else matrices
    if x.device.type == "cuda":
        x = x.bfloat16()
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp_min(_EPSILON)
    rows, columns = x.shape[1:]
    is_long = columns > _LONG * rows and x.dtype is torch.float32
    x = _by_products(x) if is_long else _directly(x)
    x = x.to(matrices.dtype)
    return x.mT if is_tall else x


def _directly(x: torch.Tensor) -> torch.Tensor:
    first, third, fifth = _POLYNOMIAL
    for _ in range(_STEPS):
        squares = x @ x.mT
        powers = torch.baddbmm(squares, squares, squares, beta=third, alpha=fifth)
        x = torch.baddbmm(x, powers, x, beta=first)
    return x


def _by_products(x: torch.Tensor) -> torch.Tensor:
    """Return the same, by steps on the products of the rows alone."""
    first, third, fifth = _POLYNOMIAL
    squares = x @ x.mT
    one = torch.eye(x.shape[1], dtype=x.dtype, device=x.device).expand_as(squares)
    turns: torch.Tensor | None = None
    for step in range(_STEPS):
        powers = torch.baddbmm(squares, squares, squares, beta=third, alpha=fifth)
        powers = powers + first * one
        turns = powers if turns is None else powers @ turns
        if step < _STEPS - 1:
            squares = powers @ (powers @ squares)
    assert turns is not None, "there are steps"
    return turns @ x
