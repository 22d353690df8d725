"""A network starts from the weights of another one: the slices that both have are copied.

The first channels are kept and the middle of a kernel, as in Once-for-All (Cai et al., 2020,
https://arxiv.org/abs/1908.09791, section 3.3), but between any two networks whose modules have
like names: nothing is asked of the space. What the relative lacks starts as it was built, save
that it does not disturb: where an output was learnt without some input, that input begins with
weight zero (Net2Net: Chen et al., 2016, https://arxiv.org/abs/1511.05641, section 3).
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from nas.train.correspondence import Shape, corresponding, overlap

# Layers that hold several matrices on top of each other, by the names that torch and timm give.
_STACKED = {"qkv": 3, "in_proj": 3, "in_proj_weight": 3, "in_proj_bias": 3, "kv": 2}


def inherit(model: nn.Module, relative: Mapping[str, Tensor]) -> float:
    """Copy what a relative has into a model, in place; return the share of values that it had.

    Args:
        model: as it was built, on any device.
        relative: a state dict, of another architecture or of the same one.
    """
    return inherit_into(model.state_dict(), relative)


def inherit_into(state: Mapping[str, Tensor], relative: Mapping[str, Tensor]) -> float:
    """Copy what a relative has into tensors, in place; return the share of values that it had.

    Args:
        state: by name, on any device; views of a model's weights change the model.
        relative: by name, of another architecture or of the same one.
    """
    pairs = corresponding(
        {name: tuple(tensor.shape) for name, tensor in state.items()},
        {name: tuple(tensor.shape) for name, tensor in relative.items()},
    )
    num_copied = 0
    with torch.no_grad():
        for name, source in pairs.items():
            num_copied += _copy(name, state[name], relative[source])
    num_values = sum(int(tensor.numel()) for tensor in state.values())
    return num_copied / max(1, num_values)


def _copy(name: str, child: Tensor, relative: Tensor) -> int:
    """Copy the common slice of one tensor; return its number of values."""
    source = relative.to(child.device, child.dtype)
    return sum(_copy_slice(name, one, other) for one, other in matrices(name, child, source))


def matrices(name: str, one: Tensor, other: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return views of two tensors of a layer, a pair for each of the matrices that it stacks."""
    count = next((n for word, n in _STACKED.items() if word in name.split(".")), 1)
    if count > 1 and all(tensor.shape[0] % count == 0 for tensor in (one, other)):
        return list(zip(one.chunk(count), other.chunk(count), strict=True))
    return [(one, other)]


def common_slices(
    name: str, child: Shape, source: Shape
) -> tuple[tuple[slice, ...], tuple[slice, ...]] | None:
    """Return which values of two tensors correspond: here, there; None where none do.

    Args:
        name: of the tensor in the child.
        child: its shape.
        source: the shape of the other tensor, of as many axes.
    """
    common = overlap(child, source)
    assert common is not None, "corresponding tensors have as many axes"
    is_kernel = is_weight(name)
    if not is_kernel and len(child) > 1 and child[:-1] != source[:-1]:
        return None  # a table of places, of another grid
    here, there = [], []
    for axis, (length, other, kept) in enumerate(zip(child, source, common, strict=True)):
        is_centred = is_kernel and axis >= 2
        first, start = ((length - kept) // 2, (other - kept) // 2) if is_centred else (0, 0)
        here.append(slice(first, first + kept))
        there.append(slice(start, start + kept))
    return tuple(here), tuple(there)


def is_weight(name: str) -> bool:
    """Say whether that is the name of a layer's weight."""
    return name.rpartition(".")[2] in ("weight", "original")


def _copy_slice(name: str, child: Tensor, source: Tensor) -> int:
    slices = common_slices(name, tuple(child.shape), tuple(source.shape))
    if slices is None:
        return 0
    here, there = slices
    if is_weight(name) and child.ndim > 1:
        child[here[0]].zero_()  # inputs and places that those outputs were learnt without
    child[here] = source[there]
    return int(child[here].numel())
