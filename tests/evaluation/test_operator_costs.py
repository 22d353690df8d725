"""Costs that follow from operators: by the parts of a network, or by building it."""

import copy
import pickle

import numpy as np
import pytest
from torch import nn

from nas.evaluation.operator_costs import OperatorCosts
from nas.parts import Chain, NetworkPart
from nas.space.space import SearchSpace
from nas.task import DataShape
from search_spaces.mobilenet import MobileNetSpace

DATA = DataShape((3, 8, 8), 5)
METRICS = ["ram_bytes", "flash_bytes"]
LAYERS = {"layers": {"repeat": {"int": [1, 4]}, "kernel": {"choice": [1, 3, 5]}}}


class Stack(SearchSpace):
    """Convolutions; counts how many networks and parts are built."""

    default_parameters = LAYERS
    num_built = num_parts = 0

    def build(self, architecture, data):
        self.num_built += 1
        layers = [self.layer(kernel) for kernel in self.kernels(architecture)]
        return nn.Sequential(*layers, nn.Flatten())

    def kernels(self, architecture):
        return [architecture[f"layers.{i}.kernel"] for i in range(architecture["layers.repeat"])]

    def layer(self, kernel):
        self.num_parts += 1
        return nn.Conv2d(3, 3, kernel, padding=kernel // 2)


class StackOfParts(Stack):
    def parts(self, architecture, data):
        return Chain(
            tuple(NetworkPart(k, lambda k=k: self.layer(k)) for k in self.kernels(architecture))
        )


class WrongParts(StackOfParts):
    """Its parts have larger kernels than its networks."""

    def parts(self, architecture, data):
        return Chain(
            tuple(
                NetworkPart(k, lambda k=k: self.layer(k + 2)) for k in self.kernels(architecture)
            )
        )


def costs_of(space):
    return OperatorCosts(space, DATA, metrics=METRICS, devices={})


def test_of_a_space_with_parts_one_network_is_built_and_compared():
    space, plain = StackOfParts(), Stack()
    costs, built = costs_of(space), costs_of(plain)
    rng = np.random.default_rng(0)
    for architecture in [space.sample(rng) for _ in range(20)]:
        assert costs(architecture) == built(architecture)
    assert space.num_built == 1


def test_parts_that_are_another_network_are_not_believed(caplog):
    space = WrongParts()
    costs = costs_of(space)
    architecture = space.architecture({"layers.repeat": 1, "layers.0.kernel": 3})
    first, second = costs(architecture), costs(architecture)
    assert "parts() of WrongParts describes another network than build() makes" in caplog.text
    assert first["flash_bytes"] == second["flash_bytes"] == 3 * 3 * 9 + 3 * 8  # as built


def test_after_the_parts_were_met_further_networks_bring_few_new_ones():
    space = StackOfParts()
    costs = costs_of(space)
    costs.meet_parts()
    known = space.num_parts
    for architecture in space.enumerate():
        costs(architecture)
    assert space.num_parts == known


def test_no_time_is_spent_on_networks_without_parts():
    space = Stack()
    costs_of(space).meet_parts()
    assert space.num_built == 1


@pytest.mark.parametrize("other_process", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_another_process_finds_the_same(other_process):
    costs = costs_of(MobileNetSpace())
    architecture = MobileNetSpace().sample(np.random.default_rng(0))
    assert other_process(costs)(architecture) == costs(architecture)
