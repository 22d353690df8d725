"""The networks of NAS-Bench-201, built: what zero-cost proxies look at.

After Dong and Yang 2020, *NAS-Bench-201: Extending the scope of reproducible neural architecture
search*, arXiv:2001.00326.
"""

from collections.abc import Mapping

import torch
from torch import nn

# B batch, C channels, H height, W width
# ruff: noqa: N803 - names of tensors end in their shapes

NODES = 4
# (from, to) of each edge, as the table names them.
EDGES = {"e01": (0, 1), "e02": (0, 2), "e12": (1, 2), "e03": (0, 3), "e13": (1, 3), "e23": (2, 3)}


def build_network(
    operations: Mapping[str, str], *, num_classes: int = 10, width: int = 16, cells: int = 5
) -> nn.Module:
    """Return the untrained network of a cell.

    Args:
        operations: edge -> none, skip, conv1x1, conv3x3 or avgpool.
        num_classes: of the last layer.
        width: channels of the first of three stages; each stage doubles them.
        cells: of each stage.
    """
    layers: list[nn.Module] = [
        nn.Conv2d(3, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
    ]
    for stage in range(3):
        channels = width * 2**stage
        if stage:
            layers.append(_Reduction(channels // 2, channels))
        layers += [_Cell(operations, channels) for _ in range(cells)]
    layers += [nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(channels, num_classes))


class _Cell(nn.Module):
    def __init__(self, operations: Mapping[str, str], channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleDict(
            {name: _operation(operations[name], channels) for name in EDGES}
        )

    def forward(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        nodes = [images_BCHW]
        for node in range(1, NODES):
            into = [
                self.edges[name](nodes[start])
                for name, (start, end) in EDGES.items()
                if end == node
            ]
            nodes.append(torch.stack(into).sum(dim=0))
        return nodes[-1]


class _Zero(nn.Module):
    def forward(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(images_BCHW)


class _Reduction(nn.Module):
    """A residual block that halves the resolution."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _convolution(channels_in, channels, kernel=3, stride=2),
            _convolution(channels, channels, kernel=3),
        )
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2), nn.Conv2d(channels_in, channels, 1, bias=False)
        )

    def forward(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        added: torch.Tensor = self.body(images_BCHW) + self.shortcut(images_BCHW)
        return added


def _operation(name: str, channels: int) -> nn.Module:
    match name:
        case "none":
            return _Zero()
        case "skip":
            return nn.Identity()
        case "avgpool":
            return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
        case "conv1x1":
            return _convolution(channels, channels, kernel=1)
        case "conv3x3":
            return _convolution(channels, channels, kernel=3)
    raise ValueError(f"no operation of NAS-Bench-201: '{name}'")


def _convolution(channels_in: int, channels: int, *, kernel: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels_in, channels, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(channels),
    )
