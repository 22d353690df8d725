"""Removes the parametrization of a weight: the layer is an ordinary one, with the weight it had.

`torch.nn.utils.parametrize.remove_parametrizations` takes the attribute away from the class of the
layer, which copies of the layer share, so that they break. This leaves copies as they are.
"""

from torch import Tensor, nn
from torch.nn.utils import parametrize


def remove_weight_parametrization(layer: nn.Module) -> None:
    """Let a layer keep the weight that its parametrization gives it, in place.

    Args:
        layer: whose weight, and nothing else, is parametrized.
    """
    assert parametrize.is_parametrized(layer, "weight"), "there is a parametrization to end"
    assert set(layer.parametrizations) == {"weight"}, "no other one"  # type: ignore[arg-type]
    weight = layer.weight
    assert isinstance(weight, Tensor), "weights are tensors"
    del layer.parametrizations
    layer.__class__ = type(layer).__bases__[0]  # what it was before torch made a class for it
    layer.register_parameter("weight", nn.Parameter(weight.detach().clone()))
