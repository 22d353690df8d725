"""Weights of few bits: trained as they will be stored, and stored as they were trained.

Each output channel of a convolution or linear layer has a symmetric grid of 2^bits - 1 levels. In
training the forward pass uses the rounded weights, and the gradient ignores the rounding (Jacob
et al., 2018, https://arxiv.org/abs/1712.05877, section 3). So a measured accuracy is that of the
stored network. `pack` writes the whole numbers, two to a byte for 4 bits; `unpack` reads them.

Notation: w, a weight of an output channel; s, the channel's scale = max |w| / highest;
highest = 2^(bits - 1) - 1; q = round(w / s), the level from -highest to highest that is stored;
s q, the rounded weight.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils import parametrize

from nas.compress.parametrizations import remove_weight_parametrization

BITS = (4, 8)
LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear)  # whose weights are quantized
_SUFFIX = "parametrizations.weight.original"
_SMALLEST = 1e-12  # a channel of zeros keeps a scale that can be divided by


@dataclass(frozen=True)
class Grid:
    """The levels of a tensor's channels.

    Attributes:
        bits: of each number, 4 or 8.
    """

    bits: int

    @property
    def highest(self) -> int:
        """The highest level; the lowest is its negative, as symmetric grids leave one out."""
        return (1 << (self.bits - 1)) - 1

    def scales(self, weight: torch.Tensor) -> torch.Tensor:
        """Return the step of each output channel, shaped to multiply the weight."""
        largest = weight.detach().flatten(1).abs().amax(1).clamp_min(_SMALLEST)
        return (largest / self.highest).view(-1, *[1] * (weight.ndim - 1))

    def levels(self, weight: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        """Return the nearest level of each number."""
        return (weight / scales).round().clamp(-self.highest, self.highest)


class _Rounded(nn.Module):
    """A weight as it will be stored; the gradient goes to the unrounded one."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.grid = Grid(bits)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        scales = self.grid.scales(weight)
        return weight + (self.grid.levels(weight, scales) * scales - weight).detach()


def quantize_weights(model: nn.Module, *, bits: int) -> None:
    """Let all convolutions and linear layers compute with weights of few bits, in place."""
    assert bits in BITS, f"bits are one of {BITS}, not {bits}"
    for module in list(model.modules()):
        if isinstance(module, LAYERS):
            parametrize.register_parametrization(module, "weight", _Rounded(bits), unsafe=True)


def packed_bytes(model: nn.Module, *, bits: int) -> int:
    """Return the bytes of all tensors that `pack` makes of a quantized model, on any device."""
    total = 0
    for name, tensor in model.state_dict().items():
        if name.endswith(_SUFFIX):
            total += -(-tensor.numel() * bits // 8) + tensor.shape[0] * 4
        else:
            total += tensor.numel() * tensor.element_size()
    return total


def pack(model: nn.Module, *, bits: int) -> dict[str, torch.Tensor]:
    """Return what is stored of a quantized model: whole numbers and scales, the rest as it is."""
    grid, packed = Grid(bits), {}
    for name, tensor in model.state_dict().items():
        if not name.endswith(_SUFFIX):
            packed[name] = tensor.clone()
            continue
        layer = name.removesuffix(_SUFFIX)  # ends in a dot, or is empty
        scales = grid.scales(tensor)
        levels = grid.levels(tensor, scales).to(torch.int8).flatten()
        packed[f"{layer}weight"] = _two_to_a_byte(levels) if bits == 4 else levels
        packed[f"{layer}weight_scale"] = scales.flatten()
    return packed


def unpack(
    packed: Mapping[str, torch.Tensor], shapes: Mapping[str, torch.Size], *, bits: int
) -> dict[str, torch.Tensor]:
    """Return the state dict of the model without quantization, from what `pack` stored.

    Args:
        packed: from `pack`.
        shapes: name -> shape of each tensor of that state dict.
        bits: as given to `pack`.
    """
    state = {}
    for name, shape in shapes.items():
        scales = packed.get(f"{name}_scale")
        if scales is None:
            state[name] = packed[name]
            continue
        state[name] = weight_of(packed[name], scales, shape, bits=bits)
    return state


def weight_of(
    packed: torch.Tensor, scales: torch.Tensor, shape: torch.Size, *, bits: int
) -> torch.Tensor:
    """Return the weight that whole numbers and a scale for each output channel stand for."""
    levels = _apart(packed)[: shape.numel()] if bits == 4 else packed
    return levels.view(shape) * scales.view(-1, *[1] * (len(shape) - 1))


def weight_bits(model: nn.Module) -> int | None:
    """Return the bits of a quantized model's weights; None for a model of floats."""
    for module in model.modules():
        if isinstance(module, _Rounded):
            return module.grid.bits
    return None


def remove_weight_parametrizations(model: nn.Module) -> None:
    """Make a quantized model an ordinary one, whose weights are the rounded ones, in place."""
    for module in list(model.modules()):
        if isinstance(module, LAYERS) and parametrize.is_parametrized(module, "weight"):
            remove_weight_parametrization(module)


class _Stored(nn.Module):
    """A weight that is kept as whole numbers, and made floats whenever it is read."""

    scales: torch.Tensor

    def __init__(self, scales: torch.Tensor, shape: torch.Size, bits: int) -> None:
        super().__init__()
        self.register_buffer("scales", scales)
        self.shape, self.bits = shape, bits

    def forward(self, packed: torch.Tensor) -> torch.Tensor:
        return weight_of(packed, self.scales, self.shape, bits=self.bits)


def store_weights(model: nn.Module, *, bits: int) -> None:
    """Let a quantized model keep its weights as `pack` stores them, in place; only to run it.

    It computes what it computed, and a file of it takes the bytes of the whole numbers.
    """
    packed = pack(model, bits=bits)
    remove_weight_parametrizations(model)
    for name, module in list(model.named_modules()):
        stored = packed.get(f"{name}.weight_scale" if name else "weight_scale")
        if stored is None:
            continue
        shape = module.weight.shape
        del module.weight
        module.register_buffer("weight", packed[f"{name}.weight" if name else "weight"])
        weight = _Stored(stored, shape, bits)
        parametrize.register_parametrization(module, "weight", weight, unsafe=True)


def _two_to_a_byte(levels: torch.Tensor) -> torch.Tensor:
    shifted = (levels + 8).to(torch.uint8)
    even = torch.nn.functional.pad(shifted, (0, len(shifted) % 2))
    return even[0::2] | (even[1::2] << 4)


def _apart(packed: torch.Tensor) -> torch.Tensor:
    pairs = torch.stack([packed & 15, packed >> 4], dim=1)
    return pairs.flatten().to(torch.int8) - 8
