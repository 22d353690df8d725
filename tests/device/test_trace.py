"""The operators of networks, by hand and against the counter of costs."""

import numpy as np
import pytest
import torch
from torch import nn

from nas.device.trace import operators_of
from nas.measure.cost import count_costs
from nas.task import DataShape
from search_spaces.cell import CellSpace
from search_spaces.mobilenet import MobileNetSpace
from search_spaces.resnet import ResNetSpace
from search_spaces.vit import ViTSpace

DATA = DataShape((3, 8, 10), 5)


def a_network():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=4),
        nn.SiLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 5),
    )


def test_norms_and_clamps_run_inside_of_the_convolution_before_them():
    graph = operators_of(a_network, DATA)
    operators = [node.operator for node in graph.nodes]
    assert [o.kind for o in operators] == ["conv", "depthwise", "activation", "reduce", "linear"]
    first, depthwise, activation, pooled, last = operators
    assert (first.num_macs, first.function) == (80 * 3 * 4 * 9, "relu")
    assert (first.in_channels, first.channels, first.positions, first.kernel) == (3, 4, 80, 9)
    assert (depthwise.groups, depthwise.stride, depthwise.num_weights) == (4, 2, 4 * 9 + 4)
    assert depthwise.num_macs == 20 * 4 * 9
    assert (activation.function, activation.num_in, activation.num_out) == ("silu", 80, 80)
    assert (pooled.num_in, pooled.num_out) == (80, 4)
    assert (last.num_macs, last.num_weights, last.positions) == (20, 25, 1)


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, images):
        left = self.left(images)
        return torch.relu(left + self.right(torch.relu(left)))


def test_what_two_operators_read_is_not_folded():
    graph = operators_of(Branches, DATA)
    kinds = [(node.operator.kind, node.operator.function) for node in graph.nodes]
    assert kinds == [
        ("pointwise", ""),
        ("activation", "relu"),
        ("conv", ""),
        ("elementwise", "relu"),
    ]
    left = graph.nodes[0].output
    assert set(graph.nodes[3].inputs) == {left, graph.nodes[2].output}


class Scaled(nn.Module):
    """Half of its work is on weights alone, half leads nowhere."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(5, 240))

    def forward(self, images):
        torch.sigmoid(images)
        return images.reshape(1, -1) @ torch.tanh(self.weight).transpose(0, 1)


def test_views_work_on_weights_and_dead_ends_are_no_operators():
    (node,) = operators_of(Scaled, DATA).nodes
    assert (node.operator.kind, node.operator.num_macs) == ("linear", 5 * 240)
    assert node.operator.num_weights == 5 * 240


@pytest.mark.parametrize("space", [MobileNetSpace, ResNetSpace, ViTSpace, CellSpace])
def test_products_and_parameters_are_those_that_the_counter_of_costs_finds(space):
    networks, data = space(), DataShape((3, 32, 32), 10)
    architecture = networks.sample(np.random.default_rng(3))
    graph = operators_of(lambda: networks.build(architecture, data), data)
    costs = count_costs(lambda: networks.build(architecture, data), data)
    assert (graph.num_macs, graph.num_params) == (costs["num_macs"], costs["num_params"])


def test_a_real_network_and_one_without_values_have_the_same_operators():
    networks, data = MobileNetSpace(), DataShape((3, 32, 32), 10)
    architecture = networks.sample(np.random.default_rng(1))

    def build():
        return networks.build(architecture, data)

    from nas.device.trace import operators_of_model

    first, again = operators_of(build, data), operators_of_model(build(), data)
    assert first.counts == again.counts
