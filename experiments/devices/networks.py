"""The networks whose latencies the tables tell: NAS-Bench-201 cells and FBNet chains, in torch.

Built from the papers (Dong, Yang 2020, *NAS-Bench-201*, figure 1; Wu et al. 2019, *FBNet*, tables
1 and 2), for images of 32 x 32 pixels in 100 classes, to know their operators. Nobody trains them.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from nas.task import DataShape

# ruff: noqa: N803 - names of tensors end in their shapes

DATA = DataShape((3, 32, 32), 100)
CELL_EDGES = ("e01", "e02", "e12", "e03", "e13", "e23")
CELL_OPTIONS = ("none", "skip", "conv1x1", "conv3x3", "avgpool")
CHAIN_BLOCKS = tuple(f"b{place}" for place in range(22))
CHAIN_OPTIONS = (
    *("k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip"),
)
CELLS_A_STAGE = 5
_CELL_WIDTHS = (16, 32, 64)
_CHAIN_STAGES = (
    (1, 16, 1),
    (4, 24, 1),
    (4, 32, 2),
    (4, 64, 2),
    (4, 112, 1),
    (4, 184, 2),
    (1, 352, 1),
)
_CHAIN_STEM, _CHAIN_HEAD = 16, 1504


class _Zero(nn.Module):
    def forward(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        zeros: torch.Tensor = images_BCHW.mul(0.0)
        return zeros


def _relu_conv_norm(
    in_channels: int, channels: int, kernel: int, stride: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(in_channels, channels, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(channels),
    )


def _edge(option: str, channels: int) -> nn.Module:
    if option == "none":
        return _Zero()
    if option == "skip":
        return nn.Identity()
    if option == "avgpool":
        return nn.AvgPool2d(3, 1, 1, count_include_pad=False)
    return _relu_conv_norm(channels, channels, 3 if option == "conv3x3" else 1)


class CellBlock(nn.Module):
    """One cell: four nodes, each the sum of an operation of every earlier one."""

    def __init__(self, options: Mapping[str, str], channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleDict({e: _edge(options[e], channels) for e in CELL_EDGES})

    def forward(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        """Return the last node."""
        nodes = [images_BCHW]
        for target in range(1, 4):
            total: torch.Tensor | None = None
            for source in range(target):
                part = self.edges[f"e{source}{target}"](nodes[source])
                total = part if total is None else total + part
            assert total is not None
            nodes.append(total)
        return nodes[-1]


class _Reduction(nn.Module):
    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.first = _relu_conv_norm(in_channels, channels, 3, 2)
        self.second = _relu_conv_norm(channels, channels, 3)
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, 2), nn.Conv2d(in_channels, channels, 1, bias=False)
        )

    def forward(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        summed: torch.Tensor = self.shortcut(images_BCHW) + self.second(self.first(images_BCHW))
        return summed


def cell_network(options: Mapping[str, str], *, cells_a_stage: int = CELLS_A_STAGE) -> nn.Module:
    """Return the network of a NAS-Bench-201 cell: edge -> operation."""
    first = _CELL_WIDTHS[0]
    layers: list[nn.Module] = [
        nn.Conv2d(3, first, 3, padding=1, bias=False),
        nn.BatchNorm2d(first),
    ]
    before = first
    for channels in _CELL_WIDTHS:
        if channels != before:
            layers.append(_Reduction(before, channels))
        layers += [CellBlock(options, channels) for _ in range(cells_a_stage)]
        before = channels
    layers += [nn.BatchNorm2d(before), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(before, DATA.num_classes))


class ChainBlock(nn.Module):
    """One block of FBNet: expand, depthwise, project; channels are shuffled where grouped."""

    def __init__(self, option: str, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        kernel = int(option[1])
        expansion = int(option[4])
        self.groups = 2 if option.endswith("_g2") else 1
        middle = in_channels * expansion
        self.has_shortcut = stride == 1 and in_channels == channels
        self.expand = _conv_norm(in_channels, middle, groups=self.groups, has_relu=True)
        self.depthwise = _conv_norm(
            middle, middle, kernel=kernel, stride=stride, groups=middle, has_relu=True
        )
        self.project = _conv_norm(middle, channels, groups=self.groups, has_relu=False)

    def forward(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        """Return the block's result."""
        inner: torch.Tensor = self.expand(images_BCHW)
        if self.groups > 1:
            inner = nn.functional.channel_shuffle(inner, self.groups)
        result: torch.Tensor = self.project(self.depthwise(inner))
        return result + images_BCHW if self.has_shortcut else result


def _conv_norm(
    in_channels: int,
    channels: int,
    *,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    has_relu: bool,
) -> nn.Sequential:
    convolution = nn.Conv2d(
        in_channels, channels, kernel, stride, kernel // 2, groups=groups, bias=False
    )
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), *[nn.ReLU()] * has_relu)


def chain_network(options: Sequence[str]) -> nn.Module:
    """Return the network of 22 FBNet operations.

    A skip that changes the shape is a convolution of one pixel.
    """
    layers: list[nn.Module] = [_conv_norm(3, _CHAIN_STEM, kernel=3, has_relu=True)]
    before = _CHAIN_STEM
    remaining = iter(options)
    for num_blocks, channels, first_stride in _CHAIN_STAGES:
        for place in range(num_blocks):
            stride = first_stride if place == 0 else 1
            option = next(remaining)
            if option != "skip":
                layers.append(ChainBlock(option, before, channels, stride))
            elif stride != 1 or before != channels:
                layers.append(_conv_norm(before, channels, stride=stride, has_relu=True))
            before = channels
    layers += [
        _conv_norm(before, _CHAIN_HEAD, has_relu=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    ]
    return nn.Sequential(*layers, nn.Linear(_CHAIN_HEAD, DATA.num_classes))
