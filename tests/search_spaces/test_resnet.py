"""Residual networks: the contract, closed-form costs, and what cannot be built."""

import copy

import numpy as np
import pytest

from nas.errors import SpaceError
from nas.measure.cost import count_costs
from nas.models.residual import BLOCKS
from nas.task import DataShape
from nas.testing.space_contract import SpaceContract
from search_spaces.resnet import ResNetSpace


class TestResNetSpace(SpaceContract):
    num_architectures = 4

    def make_space(self):
        return ResNetSpace()


def changed(**stage) -> dict:
    tree = copy.deepcopy(dict(ResNetSpace.default_parameters))
    tree["stages"].update(stage)
    return tree


@pytest.mark.parametrize("size", [(28, 28), (13, 21), (64, 64)], ids=str)
@pytest.mark.parametrize("stem_stride", [1, 2])
def test_the_closed_form_equals_the_built_network(size, stem_stride):
    space, data = ResNetSpace(stem_stride=stem_stride), DataShape((3, *size), 5)
    rng = np.random.default_rng(0)
    for _ in range(4):
        drawn = space.sample(rng)
        stated = space.static_costs(drawn, data)
        counted = count_costs(lambda a=drawn: space.build(a, data), data, metrics=tuple(stated))
        assert counted == stated


def test_two_basic_blocks_have_the_parameters_of_the_paper():
    """He et al., 2016, by hand: a 3x3 stem, two stages of one basic block."""
    stage = {"repeat": 2, "depth": 1, "width": 1.0, "kernel": 3, "block": "basic"}
    tree = {"activation": "relu", "stages": {**stage, "attention": "none"}}
    space, data = ResNetSpace(tree), DataShape((3, 32, 32), 10)
    stem = 3 * 9 * 16 + 2 * 16
    first = 2 * (16 * 16 * 9 + 2 * 16) + 16 * 16 + 2 * 16  # the map is halved: a 1x1 shortcut
    second = (16 * 32 * 9 + 64) + (32 * 32 * 9 + 64) + (16 * 32 + 64)
    (only,) = space.enumerate()
    costs = space.static_costs(only, data)
    assert costs["num_params"] == stem + first + second + 32 * 10 + 10


def test_maps_are_not_halved_below_the_reach_of_the_kernel():
    space = ResNetSpace(changed(repeat=4, kernel={"choice": [3, 7]}))
    drawn = space.sample(np.random.default_rng(0))
    strides = [stage.stride for stage in space.plan(drawn, DataShape((1, 8, 8), 10)).stages]
    assert strides == [2, 1, 1, 1]


def test_widths_that_round_to_the_same_channels_are_one_network():
    space = ResNetSpace(changed(repeat=1, width={"choice": [1.0, 1.01]}))
    drawn = space.sample(np.random.default_rng(0))
    other = space.architecture({**space.genome(drawn), "stages.0.width": 1.0})
    twin = space.architecture({**space.genome(drawn), "stages.0.width": 1.01})
    assert other != twin
    assert space.identity(other) == space.identity(twin)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"kernel": {"choice": [3, 4]}}, "must be an odd whole number", id="kernel"),
        pytest.param({"repeat": {"int": [1, 5]}}, "at least 1 and at most 4", id="too many"),
        pytest.param({"block": {"choice": [*BLOCKS, "vgg"]}}, "must be one of basic", id="block"),
        pytest.param({"widht": 1.0}, "no parameter 'stages.widht'", id="misspelt"),
        pytest.param({"bottleneck": 2.0}, "must be a number above 0 and at most 1", id="ratio"),
    ],
)
def test_a_fault_of_the_parameters_is_named(change, message):
    with pytest.raises(SpaceError, match=message):
        ResNetSpace(changed(**change))


def test_a_block_without_its_inner_width_is_refused():
    tree = changed()
    del tree["stages"]["expansion"]
    with pytest.raises(SpaceError, match=r"needs stages\.0\.expansion"):
        ResNetSpace(tree)


def test_an_unknown_activation_and_an_impossible_stem_are_refused():
    with pytest.raises(SpaceError, match="a name that timm knows"):
        ResNetSpace({**ResNetSpace.default_parameters, "activation": "rellu"})
    with pytest.raises(SpaceError, match="stem_stride 1 or 2"):
        ResNetSpace(stem_stride=3)
