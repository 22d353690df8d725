"""What a network would cost with fewer channels, blocks or ranks: from its shapes alone.

An `Inventory` is what is known of a network once: the shape of each tensor, and how often each
layer runs for an image. What compression leaves of it is arithmetic, a fraction of a millisecond;
tests hold it to the compressed network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from nas.compress.low_rank import kept_rank
from nas.compress.prune import ChannelGroup
from nas.widths import Layer, widths_of

Shapes = Mapping[str, Sequence[int]]
_SCALE_BYTES = 4  # of each output channel of a weight of few bits


@dataclass(frozen=True)
class StoredTensor:
    """How one tensor is stored.

    Attributes:
        shape: of it.
        num_bytes: of each number.
        is_trained: it is a parameter; else a buffer.
    """

    shape: tuple[int, ...]
    num_bytes: int
    is_trained: bool


@dataclass(frozen=True)
class Inventory:
    """The tensors of a network, and how often its layers run.

    Attributes:
        tensors: by name; tied ones once.
        positions: layer -> vectors of one image that a convolution or linear layer puts out.
        attended: layer of queries, keys and values -> two times the square of its positions.
        sliding: convolution along the channels -> tensor and axis that have as many entries.
    """

    tensors: Mapping[str, StoredTensor]
    positions: Mapping[str, int]
    attended: Mapping[str, int]
    sliding: Mapping[str, tuple[str, int]] = field(default_factory=dict)

    def shapes(
        self, groups: Sequence[ChannelGroup], units: Mapping[str, int]
    ) -> dict[str, list[int]]:
        """Return the shapes that are left when groups lose units.

        Args:
            groups: channels that must be removed together.
            units: root of a group -> units that stay; groups that are not named stay whole.
        """
        left = {name: list(stored.shape) for name, stored in self.tensors.items()}
        for group in groups:
            gone = group.num_units - units.get(group.root, group.num_units)
            for shrink in group.shrinks if gone else ():
                if shrink.tensor in left:
                    left[shrink.tensor][shrink.dim] -= gone * shrink.per_unit
        return left

    def num_params(self, shapes: Shapes, shares: Mapping[str, float]) -> int:
        """Return the trained numbers of tensors of these shapes.

        Args:
            shapes: of the tensors that stay.
            shares: linear layer -> share of its weights that stays, as two factors.
        """
        return sum(
            _count(part)
            for name, shape in shapes.items()
            if self.tensors[name].is_trained
            for part in _factors(name, shape, shares)
        )

    def size_bytes(
        self,
        shapes: Shapes,
        shares: Mapping[str, float],
        *,
        bits: int | None = None,
        quantized: frozenset[str] = frozenset(),
    ) -> int:
        """Return the bytes that tensors of these shapes are stored in.

        Args:
            shapes: of the tensors that stay.
            shares: linear layer -> share of its weights that stays.
            bits: of each weight in `quantized`, which has a scale for each output channel.
            quantized: names of weights.
        """
        total = 0
        for name, shape in shapes.items():
            for part in _factors(name, shape, shares):
                if bits is not None and name in quantized:
                    total += -(-_count(part) * bits // 8) + _SCALE_BYTES * part[0]
                else:
                    total += _count(part) * self.tensors[name].num_bytes
        return total

    def num_macs(self, shapes: Shapes, shares: Mapping[str, float]) -> int:
        """Return the multiply-accumulates of one image."""
        total = 0
        for layer, positions in self.positions.items():
            name = f"{layer}.weight" if layer else "weight"
            if name in shapes:
                total += positions * sum(map(_count, _factors(name, shapes[name], shares)))
        for layer, products in self.attended.items():
            if f"{layer}.weight" in shapes:
                total += products * shapes[f"{layer}.weight"][0] // 3
        for layer, (tensor, axis) in self.sliding.items():
            total += _count(shapes[f"{layer}.weight"]) * shapes[tensor][axis]
        return total

    def widths(self, shapes: Shapes, shares: Mapping[str, float]) -> dict[str, float]:
        """Return how wide the network is (`nas.widths`)."""
        return widths_of(
            [
                Layer(part[1], part[0], positions)
                for layer, positions in self.positions.items()
                if (name := f"{layer}.weight" if layer else "weight") in shapes
                for part in _factors(name, shapes[name], shares)
            ]
        )


def stored_tensors_of(model: nn.Module) -> dict[str, StoredTensor]:
    """Return the tensors that a model is stored as, on any device; tied ones once."""
    trained = {id(parameter) for parameter in model.parameters()}
    found: dict[int, tuple[str, StoredTensor]] = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        stored = StoredTensor(tuple(tensor.shape), tensor.element_size(), id(tensor) in trained)
        found.setdefault(id(tensor), (name, stored))
    return dict(found.values())


def _count(shape: Sequence[int]) -> int:
    return torch.Size(shape).numel()


def _factors(
    name: str, shape: Sequence[int], shares: Mapping[str, float]
) -> tuple[Sequence[int], ...]:
    """Return the shapes of the weights that stand for one: two, where it is factorised."""
    layer, _, word = name.rpartition(".")
    if word != "weight" or shares.get(layer, 1.0) >= 1.0:
        return (shape,)
    features, in_features = shape
    rank = kept_rank(in_features, features, shares[layer])
    return (rank, in_features), (features, rank)
