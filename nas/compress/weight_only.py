"""Matrices in 8 or 4 bits for files; the network still computes with floats.

Each row is cut into groups, each with a scale, so that the largest number of a group is the
largest whole number. Numbers of 4 bits lie two to a byte, the low half first.
"""

from collections.abc import Mapping

import torch

SCALE = ".scale"
MOST = {8: 127, 4: 7}
GROUP = 32  # columns that share a scale, in 4 bits; in 8 bits a row has one
_OFFSET = 8  # what is added to numbers of 4 bits, so that they are not negative


def packed_weights(tensors: Mapping[str, torch.Tensor], *, bits: int) -> dict[str, torch.Tensor]:
    """Return the tensors with matrices in whole numbers, `NAME.scale` beside each.

    Tensors of one dimension, and matrices with an odd number of columns in 4 bits, stay floats of
    16 bits.

    Args:
        tensors: floats, by name.
        bits: 8 or 4.
    """
    found: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        rows, columns = (*tensor.shape, 0)[:2]
        if tensor.ndim != 2 or (bits == 4 and columns % 2):
            found[name] = tensor.to(torch.float16)
            continue
        size = columns
        if bits == 4:
            size = GROUP if columns % GROUP == 0 else columns
        parts = tensor.float().view(rows, columns // size, size)
        scale = (parts.abs().amax(dim=-1) / MOST[bits]).clamp_min(1e-8).to(torch.float16)
        scale = scale.clamp_min(torch.finfo(torch.float16).tiny)
        whole = (parts / scale.float()[..., None]).round().clamp(-MOST[bits], MOST[bits])
        flat = whole.view(rows, columns).to(torch.int8)
        if bits == 4:
            moved = (flat + _OFFSET).to(torch.uint8)
            flat = moved[:, 0::2] | (moved[:, 1::2] << 4)
        found[name], found[name + SCALE] = flat.contiguous(), scale.contiguous()
    return found
