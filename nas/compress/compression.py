"""What may be done to a network to make it smaller, under a name that says all of it.

`kept0.5+rank0.25+int8`: half of the channels stay, then a quarter of the weights of each linear
layer, as two factors, and all weights are stored in 8 bits. The same words are the parameters
of the space `compressed` and the settings of `evaluation.variants`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from nas.compress.low_rank import factorise
from nas.compress.prune import find_groups, kept_units, prune
from nas.compress.quantize import BITS, LAYERS, pack, quantize_weights, unpack
from nas.errors import ConfigError

WORDS = ("kept", "rank", "weight_bits")
# Channels that stay are a multiple of it, where there are as many.
MULTIPLE = 4
FULL_BITS = 32
_PART = re.compile(r"(?P<word>kept|rank)(?P<share>0?\.\d+)|int(?P<bits>\d+)")
_EXAMPLES = "int8, int4, kept0.5, rank0.5, or several joined by +: kept0.5+int8"


@dataclass(frozen=True)
class Compression:
    """How much of a network stays.

    Attributes:
        kept: share of the channels of each layer that can lose some; 1.0 for all.
        rank: share of the weights of each linear layer, as two factors; 1.0 for all, unfactorised.
        weight_bits: of all convolutions and linear layers, 4 or 8; 32 for floats.
    """

    kept: float = 1.0
    rank: float = 1.0
    weight_bits: int = FULL_BITS

    @classmethod
    def named(cls, name: str) -> "Compression":
        """Return what a name says.

        >>> Compression.named("kept0.5+int8")
        Compression(kept=0.5, rank=1.0, weight_bits=8)

        Raises:
            ConfigError: it says nothing, or something twice, or nothing that can be done.
        """
        found: dict[str, Any] = {}
        for part in str(name).split("+"):
            match = _PART.fullmatch(part)
            word = "" if match is None else match["word"] or "weight_bits"
            value = 0.0 if match is None else float(match["share"] or match["bits"])
            is_allowed = value in BITS if word == "weight_bits" else 0 < value < 1
            if not is_allowed or word in found:
                raise ConfigError(f"'{name}' is no compression; it may be {_EXAMPLES}")
            found[word] = int(value) if word == "weight_bits" else value
        return cls(**found)

    @property
    def name(self) -> str:
        """The name in its canonical form; empty for no compression."""
        return "+".join(self._parts())

    @property
    def is_reshaping(self) -> bool:
        """Whether layers get other shapes, so that fine-tuning makes good some of the loss."""
        return self.kept < 1.0 or self.rank < 1.0

    @property
    def is_quantizing(self) -> bool:
        """Whether weights are stored in few bits."""
        return self.weight_bits in BITS

    def _parts(self) -> Iterator[str]:
        if self.kept < 1.0:
            yield f"kept{self.kept:g}"
        if self.rank < 1.0:
            yield f"rank{self.rank:g}"
        if self.is_quantizing:
            yield f"int{self.weight_bits}"


def reshape(model: nn.Module, compression: Compression, images: torch.Tensor) -> None:
    """Take out channels and factorise linear layers, in place; the least important part goes.

    Args:
        model: on the CPU where channels go, which takes a pass through the network for each group
            of layers whose channels go together.
        compression: what stays.
        images: (2, C, H, W) an example, on the model's device.

    Raises:
        MissingPackageError: channels are to go, and Torch-Pruning is not installed.
    """
    if compression.kept < 1.0:
        was_training = model.training
        model.eval()
        groups = find_groups(model, images)
        kept = {g.root: kept_units(g, compression.kept, multiple=MULTIPLE) for g in groups}
        prune(model, images, groups, kept)
        for parameter in model.parameters():
            parameter.grad = None
        model.train(was_training)
    if compression.rank < 1.0:
        factorise(model, dict.fromkeys(linear_layers(model), compression.rank))


def linear_layers(model: nn.Module) -> list[str]:
    """Return the names of the linear layers that can be factorised."""
    return [name for name, module in model.named_modules() if type(module) is nn.Linear and name]


def quantized_bytes(model: nn.Module, *, bits: int) -> int:
    """Return the bytes that a model of floats is stored in once it is quantized; on any device."""
    weights = quantized_weights(model)
    total = 0
    for name, tensor in model.state_dict().items():
        if name in weights:
            total += -(-tensor.numel() * bits // 8) + 4 * tensor.shape[0]
        else:
            total += tensor.numel() * tensor.element_size()
    return total


def quantized_weights(model: nn.Module) -> frozenset[str]:
    """Return the names of the weights that are stored in few bits once a model is quantized."""
    return frozenset(
        f"{name}.weight" if name else "weight"
        for name, module in model.named_modules()
        if isinstance(module, LAYERS)
    )


def stored_tensors(model: nn.Module, compression: Compression) -> dict[str, torch.Tensor]:
    """Return what is stored of a reshaped model: quantized first, in place, if it is to be."""
    if not compression.is_quantizing:
        return dict(model.state_dict())
    quantize_weights(model, bits=compression.weight_bits)
    return pack(model, bits=compression.weight_bits)


def load_stored(
    model: nn.Module,
    compression: Compression,
    tensors: dict[str, torch.Tensor],
    images: torch.Tensor,
) -> None:
    """Make a compressed network again, in place, of what `stored_tensors` returned.

    Args:
        model: as it was before it was compressed, with any weights.
        compression: what was done to it.
        tensors: what was stored.
        images: (2, C, H, W) an example.
    """
    reshape(model, compression, images)
    if compression.is_quantizing:
        shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
        tensors = unpack(tensors, shapes, bits=compression.weight_bits)
    model.load_state_dict(tensors)
