"""Quantization-aware training: a network learns under the rounding that its files will have.

Weights are rounded as `quantize` does; with 8 bits the inputs of convolutions and linear layers
are rounded too, to 256 levels between bounds that follow the batches (Jacob et al., 2018,
https://arxiv.org/abs/1712.05877, section 3). A scale for each output channel makes the rounding
the same before and after norms are folded into weights, so the file of a runtime that folds them
has the numbers that were trained.
"""

import torch
from torch import nn

from nas.compress.quantize import LAYERS, quantize_weights, remove_weight_parametrizations

_NUM_LEVELS = 255  # above the lowest: unsigned 8 bits
_NEWEST = 0.1  # weight of a batch's bounds, once ten were seen
_SMALLEST = 1e-8


class InputRounding(nn.Module):
    """Rounds a layer's input; learns the bounds in training.

    Gradients pass the rounding, and are cut beyond the bounds.
    """

    low: torch.Tensor
    high: torch.Tensor
    num_batches: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("low", "high", "num_batches"):
            self.register_buffer(name, torch.zeros(()))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the rounded input."""
        if self.training:
            self._follow(inputs.detach())
        # Zero is always a level, since padding puts it in.
        low, high = self.low.clamp_max(0.0), self.high.clamp_min(0.0)
        step = ((high - low) / _NUM_LEVELS).clamp_min(_SMALLEST)
        zero = (-low / step).round()
        within = torch.minimum(torch.maximum(inputs, low), high)
        level = ((within / step).round() + zero).clamp(0, _NUM_LEVELS)
        return within + ((level - zero) * step - within).detach()

    @torch.no_grad()
    def _follow(self, inputs: torch.Tensor) -> None:
        low, high = inputs.aminmax()
        share = (1 / (self.num_batches + 1)).clamp_min(_NEWEST)
        self.low += share * (low.to(self.low.dtype) - self.low)
        self.high += share * (high.to(self.high.dtype) - self.high)
        self.num_batches += 1


def make_aware(model: nn.Module, *, bits: int) -> None:
    """Let a model compute as its quantized file will, in place.

    Args:
        model: of floats, trained or not.
        bits: of the weights, 4 or 8; with 8 inputs are rounded too.
    """
    quantize_weights(model, bits=bits)
    if bits != 8:
        return
    for module in [m for m in model.modules() if isinstance(m, LAYERS)]:
        module.add_module("input_rounding", InputRounding())
        module.register_forward_pre_hook(_round_input)


def stop_rounding_inputs(model: nn.Module) -> None:
    """Take the rounding of inputs out again, in place: the runtime of a file does it itself."""
    for module in list(model.modules()):
        if isinstance(getattr(module, "input_rounding", None), InputRounding):
            del module.input_rounding
            for key, hook in list(module._forward_pre_hooks.items()):
                if hook is _round_input:
                    del module._forward_pre_hooks[key]


def rounding_bytes(model: nn.Module) -> int:
    """Return the bytes of what rounds the inputs of layers, which no file of the model holds."""
    roundings = [module for module in model.modules() if isinstance(module, InputRounding)]
    return sum(
        tensor.numel() * tensor.element_size()
        for rounding in roundings
        for tensor in rounding.state_dict().values()
    )


def remove_rounding(model: nn.Module) -> None:
    """Make a model of `make_aware` an ordinary one with rounded weights, in place."""
    stop_rounding_inputs(model)
    remove_weight_parametrizations(model)


def _round_input(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    rounding = module.input_rounding
    assert isinstance(rounding, InputRounding), "put there by make_aware"
    return (rounding(inputs[0]), *inputs[1:])
