"""Muon: a step moves a matrix by one whose singular values are all about 1.

Jordan et al., 2024, https://kellerjordan.github.io/posts/muon/: the momentum of the gradient,
looked ahead (Nesterov), with its singular values brought to 1 by five steps of a polynomial that
needs products alone; where a matrix has more outputs than inputs, the step is larger by the root
of their ratio.

`torch.optim.Muon` takes products in bfloat16, which few CPUs compute quickly: on one without it
they took three quarters of a training's time. Here CPUs take them in floats, and matrices of
equal shape are one batch.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch

# Of x, x³ and x⁵: five steps bring what is from 0.003 to 1 to between 0.68 and 1.21.
_POLYNOMIAL = (3.4445, -4.7750, 2.0315)
_STEPS = 5
_EPSILON = 1e-7
_MOMENTUM = 0.95


class Muon(torch.optim.Optimizer):
    """Moves matrices; other parameters need another optimizer.

    Args:
        groups: of matrices, each with `params`, `lr` and `weight_decay`: the share of the weights
            that a step takes away is its product with the learning rate.
    """

    def __init__(self, groups: Iterable[dict[str, Any]]) -> None:
        super().__init__(groups, {"lr": 0.02, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Change the matrices by their gradients."""
        assert closure is None, "gradients are there before a step"
        for group in self.param_groups:
            alike: dict[tuple[int, ...], list[torch.Tensor]] = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    alike[tuple(matrix.shape)].append(matrix)
            for (rows, columns), matrices in alike.items():
                moves = even_singular_values(torch.stack(self._directions(matrices)))
                torch._foreach_mul_(matrices, 1.0 - group["lr"] * group["weight_decay"])
                size = group["lr"] * math.sqrt(max(1.0, rows / columns))
                torch._foreach_add_(matrices, list(moves.unbind()), alpha=-size)

    def _directions(self, matrices: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        gradients = [matrix.grad for matrix in matrices if matrix.grad is not None]
        for matrix in matrices:
            if "momentum_buffer" not in self.state[matrix]:
                self.state[matrix]["momentum_buffer"] = torch.zeros_like(matrix)
        momenta = [self.state[matrix]["momentum_buffer"] for matrix in matrices]
        torch._foreach_lerp_(momenta, gradients, 1.0 - _MOMENTUM)
        return list(torch._foreach_lerp(gradients, momenta, _MOMENTUM))


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
    first, third, fifth = _POLYNOMIAL
    for _ in range(_STEPS):
        squares = x @ x.mT
        powers = torch.baddbmm(squares, squares, squares, beta=third, alpha=fifth)
        x = torch.baddbmm(x, powers, x, beta=first)
    x = x.to(matrices.dtype)
    return x.mT if is_tall else x
