"""The network of NAS-Bench-201: one searched cell, stacked at three widths.

Dong and Yang, 2020, https://arxiv.org/abs/2001.00326, section 2.1 and figure 1: a 3x3 stem, then
three stages of equal cells, a residual block between two stages that halves the map and doubles
the channels, and a pooled linear classifier. A cell is a graph of four nodes; each of its six
edges carries one operation, and a node is the sum of what arrives.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from nas.models.layer_costs import LayerCosts, batch_norm, conv_norm, convolution, halved, linear
from nas.models.pooling import Mean
from nas.parts import Chain, NetworkPart

# ruff: noqa: N803, N806 - names of tensors end in their shapes
# B batch, C channels, H height, W width, K classes

OPERATIONS = ("none", "skip", "conv1x1", "conv3x3", "avgpool")
# Into each node, the edges and the nodes they come from.
NODES = (
    (("e01", 0),),
    (("e02", 0), ("e12", 1)),
    (("e03", 0), ("e13", 1), ("e23", 2)),
)
EDGES = tuple(edge for node in NODES for edge, _ in node)
_KERNELS = {"conv1x1": 1, "conv3x3": 3}
_NUM_STAGES = 3


@dataclass(frozen=True)
class CellPlan:
    """All that defines a network.

    Attributes:
        in_channels: channels of the images.
        num_classes: number of logits.
        channels: of the first stage; the benchmark has 16.
        num_cells: in each stage; the benchmark has 5.
        operations: edge -> operation.
    """

    in_channels: int
    num_classes: int
    channels: int
    num_cells: int
    operations: Mapping[str, str]


class CellNet(nn.Module):
    """A network of equal cells: images (B, C, H, W) to logits (B, K)."""

    def __init__(self, plan: CellPlan) -> None:
        super().__init__()
        self.stem = _stem(plan.in_channels, plan.channels)
        blocks: list[nn.Module] = []
        channels = plan.channels
        for stage in range(_NUM_STAGES):
            if stage:
                blocks.append(_Reduction(channels))
                channels *= 2
            blocks += [_Cell(channels, plan.operations) for _ in range(plan.num_cells)]
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))
        self.classifier = nn.Linear(channels, plan.num_classes)

    def forward(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        """Return logits (B, K)."""
        maps_BCHW = self.head(self.blocks(self.stem(images_BCHW)))
        logits_BK: torch.Tensor = self.classifier(maps_BCHW.mean((2, 3)))
        return logits_BK


class _Cell(nn.Module):
    def __init__(self, channels: int, operations: Mapping[str, str]) -> None:
        super().__init__()
        self.edges = nn.ModuleDict(
            {
                edge: _operation(operations[edge], channels)
                for edge in EDGES
                if operations[edge] != "none"
            }
        )

    def forward(self, maps_BCHW: torch.Tensor) -> torch.Tensor:
        nodes = [maps_BCHW]
        for node in NODES:
            arriving = [
                self.edges[edge](nodes[source]) for edge, source in node if edge in self.edges
            ]
            nodes.append(torch.stack(arriving).sum(0) if arriving else maps_BCHW * 0)
        return nodes[-1]


class _Reduction(nn.Module):
    """Halves the map and doubles the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _relu_conv_norm(channels, 2 * channels, kernel=3, stride=2),
            _relu_conv_norm(2 * channels, 2 * channels, kernel=3),
        )
        # The ceiling keeps odd sides equal to those of the strided convolution.
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, 2, ceil_mode=True),
            nn.Conv2d(channels, 2 * channels, 1, bias=False),
        )

    def forward(self, maps_BCHW: torch.Tensor) -> torch.Tensor:
        summed: torch.Tensor = self.shortcut(maps_BCHW) + self.body(maps_BCHW)
        return summed


def cell_parts(plan: CellPlan) -> Chain:
    """Return the network as a chain: stem, cells, what lies between stages, and the head."""
    operations = tuple(plan.operations[edge] for edge in EDGES)
    channels = plan.channels
    parts = [NetworkPart((plan.in_channels, channels), partial(_stem, plan.in_channels, channels))]
    for stage in range(_NUM_STAGES):
        if stage:
            parts.append(NetworkPart(channels, partial(_Reduction, channels)))
            channels *= 2
        cell = NetworkPart(operations, partial(_Cell, channels, plan.operations))
        parts += [cell] * plan.num_cells
    head = (channels, plan.num_classes)
    return Chain((*parts, NetworkPart(("head", *head), partial(_head_part, *head))))


def _stem(in_channels: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
    )


def _head_part(channels: int, num_classes: int) -> nn.Module:
    norm = nn.BatchNorm2d(channels)
    return nn.Sequential(norm, nn.ReLU(), Mean(2, 3), nn.Linear(channels, num_classes))


def _operation(name: str, channels: int) -> nn.Module:
    if name == "skip":
        return nn.Identity()
    if name == "avgpool":
        return nn.AvgPool2d(3, 1, 1, count_include_pad=False)
    return _relu_conv_norm(channels, channels, kernel=_KERNELS[name])


def _relu_conv_norm(in_channels: int, channels: int, *, kernel: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.ReLU(),  # not in place: other edges read the same map
        nn.Conv2d(in_channels, channels, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(channels),
    )


def cell_costs(plan: CellPlan, *, size: tuple[int, int]) -> dict[str, float]:
    """Return parameters, bytes, products and widths for images of (H, W) `size`."""
    channels = plan.channels
    total = conv_norm(plan.in_channels, channels, kernel=3, positions=size[0] * size[1])
    for stage in range(_NUM_STAGES):
        if stage:
            size = halved(size)
            total += _reduction(channels, positions=size[0] * size[1])
            channels *= 2
        kernels = [_KERNELS[op] for op in plan.operations.values() if op in _KERNELS]
        for kernel in kernels:
            cell = conv_norm(channels, channels, kernel=kernel, positions=size[0] * size[1])
            total += cell * plan.num_cells
    total += batch_norm(channels) + linear(channels, plan.num_classes)
    return total.costs(num_features=channels)


def _reduction(channels: int, *, positions: int) -> LayerCosts:
    doubled = 2 * channels
    return (
        conv_norm(channels, doubled, kernel=3, positions=positions)
        + conv_norm(doubled, doubled, kernel=3, positions=positions)
        + convolution(channels, doubled, kernel=1, positions=positions, bias=False)
    )


def live_edges(operations: Mapping[str, str]) -> frozenset[str]:
    """Return the edges that carry something from the input to the output of the cell."""
    reached, forward = {0}, set[str]()
    for index, node in enumerate(NODES, start=1):
        open_edges = {e for e, source in node if operations[e] != "none" and source in reached}
        forward |= open_edges
        if open_edges:
            reached.add(index)
    needed, live = {len(NODES)}, set[str]()
    for index in range(len(NODES), 0, -1):
        if index not in needed:
            continue
        for edge, source in NODES[index - 1]:
            if edge in forward:
                live.add(edge)
                needed.add(source)
    return frozenset(live)


def cell_expression(operations: Mapping[str, str]) -> str:
    """Return what a cell computes, as a text that isomorphic cells share; "#" is zero.

    Finer than the benchmark's 6,466 texts nowhere, coarser where those keep an added zero.
    """
    nodes = ["0"]
    for node in NODES:
        nodes.append("+".join(sorted(_terms(node, operations, nodes))) or "#")
    return nodes[-1]


def _terms(
    node: Iterable[tuple[str, int]], operations: Mapping[str, str], nodes: list[str]
) -> Iterable[str]:
    for edge, source in node:
        operation, origin = operations[edge], nodes[source]
        if operation == "none" or origin == "#":
            continue
        if operation == "skip":
            yield origin
        else:
            yield f"({origin})@{operation}"
