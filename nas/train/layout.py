"""How a network lies in memory while it trains: channels last, where convolutions are quickest.

On CPUs oneDNN (of torch 2.14.1, with AVX2) writes beyond its memory in the backward pass of a
pointwise convolution that skips places and reads fewer channels than a vector holds, channels
last: the process ends with "free(): invalid next size". Such a layer gets an input of which the
places are taken out before, which computes the same.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

_VECTOR = 16  # floats, of the widest vectors of CPUs


def placed(model: nn.Module, device: torch.device) -> nn.Module:
    """Return the model on a device, its weights channels last; changed in place."""
    if device.type == "cpu":
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d) and _is_unsafe(layer):
                layer.register_forward_pre_hook(partial(_thinned, steps=layer.stride))
                layer.stride = (1, 1)
    return model.to(device).to(memory_format=torch.channels_last)


def _is_unsafe(layer: nn.Conv2d) -> bool:
    is_pointwise = layer.kernel_size == (1, 1) and layer.padding in ((0, 0), "valid")
    return is_pointwise and max(layer.stride) > 1 and layer.in_channels < _VECTOR


def _thinned(layer: nn.Module, inputs: tuple[Any, ...], *, steps: Sequence[int]) -> Any:
    del layer
    return inputs[0][..., :: steps[0], :: steps[1]]
