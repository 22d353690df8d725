"""Prepares a network for Torch-Pruning, and tells it about layers that it does not know.

Its dependency graph (Fang et al., 2023, https://arxiv.org/abs/2301.12900) is built from gradients.
Fused attention has no gradients that it can follow, frozen weights have none at all, and attention
along the channels is mistaken for a layer of a single channel.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from nas.errors import MissingPackageError


@contextmanager
def traceable(model: nn.Module) -> Iterator[None]:
    """Let attention be computed in steps, which the dependency graph can follow."""
    fused = [m for m in model.modules() if getattr(m, "fused_attn", False) is True]
    requires = [p for p in model.parameters() if not p.requires_grad]
    for module in fused:
        module.fused_attn = False  # type: ignore[assignment] # a flag of timm's
    for parameter in requires:
        parameter.requires_grad_(True)
    try:
        with warnings.catch_warnings(), torch.enable_grad():
            warnings.simplefilter("ignore")  # unwrapped parameters are found by itself
            yield
    finally:
        for module in fused:
            module.fused_attn = True  # type: ignore[assignment] # a flag of timm's
        for parameter in requires:
            parameter.requires_grad_(False)


def dependency_graph(model: nn.Module, images: torch.Tensor) -> Any:
    """Return the graph of a model that is `traceable`.

    Args:
        model: on any device with numbers.
        images: (2, C, H, W) an example.
    """
    graph = torch_pruning().DependencyGraph()
    return graph.build_dependency(
        model, example_inputs=images, customized_pruners=along_channels(model)
    )


class _PassedThrough:
    """What a module that takes any number of channels loses with them: nothing."""

    def prune_out_channels(self, layer: nn.Module, _: Sequence[int]) -> nn.Module:
        """Leave the module as it is."""
        return layer

    prune_in_channels = prune_out_channels

    def get_out_channels(self, layer: nn.Module) -> None:
        """Let the channels be told by the neighbours."""

    get_in_channels = get_out_channels

    def get_out_channel_groups(self, _: nn.Module) -> int:
        """Return that there are no groups of channels."""
        return 1

    get_in_channel_groups = get_out_channel_groups


def along_channels(model: nn.Module) -> dict[type[nn.Module], _PassedThrough]:
    """Return the kinds of modules that convolve along the channels: efficient channel attention.

    Torch-Pruning would take the kernel's own single channel for those of the map.
    """
    slides: dict[type[nn.Module], bool] = {}
    for module in model.modules():
        layers = [
            part for part in module.modules() if any(True for _ in part.parameters(recurse=False))
        ]
        if layers and not isinstance(module, nn.Conv1d | nn.Sequential | nn.ModuleList):
            alone = all(isinstance(p, nn.Conv1d) and p.weight.shape[:2] == (1, 1) for p in layers)
            slides[type(module)] = alone and slides.get(type(module), True)
    return {kind: _PassedThrough() for kind, does in slides.items() if does}


def torch_pruning() -> Any:
    """Return the package.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        import torch_pruning
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            "structural pruning needs Torch-Pruning: pip install 'nas[compress]'"
        ) from error
    return torch_pruning
