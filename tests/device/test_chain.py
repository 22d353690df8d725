"""Costs from the parts of networks, against the networks as they are built."""

import numpy as np
import pytest
import torch
from parts.devices import network_ms, random_counts
from torch import nn

from nas.device.chain import ChainCosts
from nas.device.costs import operator_costs
from nas.device.device import KnownDevice
from nas.device.latency_model import fit_latency_model
from nas.device.trace import operators_of
from nas.errors import SpaceError
from nas.parts import Chain, NetworkPart
from nas.task import DataShape
from search_spaces.cell import CellSpace
from search_spaces.mobilenet import MobileNetSpace
from search_spaces.resnet import ResNetSpace
from search_spaces.vit import ViTSpace

DATA = DataShape((3, 16, 20), 5)
METRICS = ["latency_ms@pi5", "ram_bytes", "flash_bytes"]


@pytest.fixture(scope="module")
def pi5():
    rng = np.random.default_rng(0)
    counts = [random_counts(rng) for _ in range(12)]
    model = fit_latency_model(counts, [network_ms(one) for one in counts])
    return {"pi5": KnownDevice("pi5", {"latency_ms": model}, {})}


@pytest.mark.parametrize("space", [MobileNetSpace, ResNetSpace, ViTSpace, CellSpace])
def test_parts_cost_what_the_network_costs_that_is_built(space, pi5):
    made, rng = space(), np.random.default_rng(1)
    from_parts = ChainCosts(METRICS, pi5)
    for _ in range(12):
        architecture = made.sample(rng)
        graph = operators_of(lambda a=architecture: made.build(a, DATA), DATA)
        built = operator_costs(graph, metrics=METRICS, devices=pi5)
        assert from_parts(made.parts(architecture, DATA), DATA) == pytest.approx(built)


def chain_of(*builders):
    return Chain(tuple(NetworkPart(place, build) for place, build in enumerate(builders)))


def test_what_runs_inside_of_the_operator_before_it_may_stand_in_the_next_part(pi5):
    pieces = [
        lambda: nn.Conv2d(3, 4, 3, padding=1, bias=False),
        nn.Identity,
        lambda: nn.BatchNorm2d(4),
        lambda: nn.Sequential(nn.ReLU(), nn.Conv2d(4, 2, 1)),
    ]
    built = operators_of(lambda: nn.Sequential(*(piece() for piece in pieces)), DATA)
    assert [node.operator.kind for node in built.nodes] == ["conv", "pointwise"]
    expected = operator_costs(built, metrics=METRICS, devices=pi5)
    assert ChainCosts(METRICS, pi5)(chain_of(*pieces), DATA) == pytest.approx(expected)


def test_equal_parts_are_looked_at_once(pi5):
    built = []

    def block():
        built.append(1)
        return nn.Conv2d(3, 3, 3, padding=1)

    part = NetworkPart("block", block)
    costs = ChainCosts(METRICS, pi5)
    one = costs(Chain((part,)), DATA)
    three = costs(Chain((part,) * 3), DATA)
    assert len(built) == 1
    assert three["flash_bytes"] == 3 * one["flash_bytes"]
    assert three["ram_bytes"] == one["ram_bytes"] == 2 * 3 * 16 * 20  # input and output
    costs(Chain((part,), input_size=(8, 8)), DATA)
    assert len(built) == 2  # other inputs


class Halves(nn.Module):
    def forward(self, images):
        return torch.chunk(images, 2)


def test_a_part_with_two_results_is_refused(pi5):
    with pytest.raises(SpaceError, match="must put out one tensor, but Halves puts out"):
        ChainCosts(METRICS, pi5)(chain_of(Halves), DATA)
