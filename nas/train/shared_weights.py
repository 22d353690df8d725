"""The weights of a supernet: one tensor for each place of a space, of which networks take slices.

A place is a part that networks of a space have in common, such as the second block of the first
stage. The space names the places (`SearchSpace.places`), a network takes of each tensor the first
channels and the middle of a kernel (as `nas.train.inheritance` does), and what it learns goes back
into the same slices.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas.train.correspondence import Shape
from nas.train.inheritance import common_slices, matrices


def shared_name(name: str, places: Mapping[str, str]) -> str:
    """Return the name that a tensor of a network has in the supernet.

    >>> shared_name("blocks.3.conv.weight", {"blocks.3": "stages.1.0.plain"})
    'stages.1.0.plain.conv.weight'

    Args:
        name: of the tensor.
        places: name of a module or tensor in the network -> its place; what is not there keeps
            its name.
    """
    words = name.split(".")
    for count in range(len(words), 0, -1):
        place = places.get(".".join(words[:count]))
        if place is not None:
            return ".".join([place, *words[count:]])
    return name


class SharedWeights(nn.Module):
    """The parameters of a supernet.

    Args:
        tensors: shared name -> first values, as large as the largest network has them.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        # A name inside a module may have no dots.
        self._keys = {name: name.replace(".", "/") for name in tensors}
        self.values = nn.ParameterDict(
            {self._keys[name]: tensor.clone() for name, tensor in tensors.items()}
        )

    def tensors(self) -> dict[str, Tensor]:
        """Return shared name -> values."""
        return {name: self.values[key].data for name, key in self._keys.items()}

    def take(self, tensors: Mapping[str, Tensor]) -> None:
        """Take trained values, as `tensors` gives them.

        Raises:
            KeyError: one is missing.
            RuntimeError: one has another shape.
        """
        with torch.no_grad():
            for name, key in self._keys.items():
                self.values[key].copy_(tensors[name].view(self.values[key].shape))

    def of(self, model: nn.Module, places: Mapping[str, str]) -> "Subnetwork":
        """Return a network as a part of this one; its weights are still its own."""
        pairs = []
        for name, own in model.named_parameters():
            key = self._keys.get(shared_name(name, places))
            if key is not None and self.values[key].ndim == own.ndim:
                pairs.append((name, own, self.values[key]))
        return Subnetwork(model, pairs)


@dataclass(frozen=True)
class Subnetwork:
    """A network whose weights are slices of shared ones.

    Attributes:
        model: the network.
        pairs: name of a weight, the weight, and the shared parameter that it is a slice of.
    """

    model: nn.Module
    pairs: Sequence[tuple[str, nn.Parameter, nn.Parameter]]

    def take_weights(self) -> None:
        """Copy the shared weights into the network; what they lack stays as it was built."""
        with torch.no_grad():
            for name, own, shared in self.pairs:
                for here, there in _views(name, own.data, shared.data):
                    here.copy_(there)

    def give_gradients(self) -> None:
        """Add the network's gradients to those of the shared weights, and forget them here."""
        for name, own, shared in self.pairs:
            if own.grad is None:
                continue
            if shared.grad is None:
                shared.grad = torch.zeros_like(shared)
            for here, there in _views(name, own.grad, shared.grad):
                there.add_(here)
            own.grad = None


def _views(name: str, own: Tensor, shared: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield views of the values that two tensors have in common."""
    for one, other in matrices(name, own, shared):
        slices = common_slices(name, tuple(one.shape), tuple(other.shape))
        if slices is not None:
            yield one[slices[0]], other[slices[1]]


def merged_shapes(all_shapes: Iterable[Mapping[str, Shape]]) -> dict[str, Shape]:
    """Return name -> a shape that holds those of all networks which have as many axes.

    >>> merged_shapes([{"a": (2, 9)}, {"a": (4, 3), "b": (1,)}])
    {'a': (4, 9), 'b': (1,)}
    """
    merged: dict[str, Shape] = {}
    for shapes in all_shapes:
        for name, shape in shapes.items():
            known = merged.get(name, shape)
            if len(known) == len(shape):
                merged[name] = tuple(map(max, known, shape))
    return merged


def enlarged(tensor: Tensor, shape: Shape) -> Tensor:
    """Return a tensor of `shape` that begins with the given one; the rest is drawn likewise.

    New values are normal, of the mean and the standard deviation of those that are there, so
    that the scales of a norm stay ones and its shifts zeros.
    """
    if tuple(tensor.shape) == tuple(shape):
        return tensor.clone()
    scale = tensor.std(correction=0) if tensor.numel() > 1 else torch.zeros(())
    larger = torch.randn(shape) * scale + tensor.mean()
    larger[tuple(slice(0, length) for length in tensor.shape)] = tensor
    return larger
