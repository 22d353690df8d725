"""Compression as parameters: the contract around spaces with conditions and with dead edges."""

import numpy as np
import pytest
import torch

from nas.errors import SpaceError
from nas.measure.cost import costs_of
from nas.task import DataShape
from nas.testing.space_contract import SpaceContract
from search_spaces.cell import CellSpace
from search_spaces.compressed import CompressedSpace
from search_spaces.mobilenet import MobileNetSpace
from search_spaces.vit import ViTSpace

DATA = DataShape((1, 8, 8), 10)
LAYERS = {"repeat": {"int": [1, 2]}, "heads": 2, "mlp_ratio": 2.0}
SMALL_STAGES = {
    "repeat": {"int": [1, 2]},
    "depth": 1,
    "kernel": 3,
    "expansion": {"choice": [1, 3]},
    "squeeze_excite": False,
}
PRUNABLE = {"resolution": 8, "width": {"choice": [0.5, 1.0]}, "activation": "relu"}


class TestCompressedCells(SpaceContract):
    num_architectures = 5
    data_shapes = (DATA,)

    def make_space(self):
        return CompressedSpace(CellSpace(channels=4, num_cells=1))


class TestCompressedTransformers(SpaceContract):
    num_architectures = 5
    data_shapes = (DATA,)

    def make_space(self):
        inner = ViTSpace({"patch": 2, "embedding": {"choice": [32, 48]}, "layers": LAYERS})
        return CompressedSpace(inner, weight_bits=None, rank={"choice": [0.5, 1.0]})


class TestPrunedMobileNets(SpaceContract):
    num_architectures = 4
    data_shapes = (DATA,)

    def make_space(self):
        return pruned_mobilenets(weight_bits={"choice": [32, 4]}, rank={"choice": [0.5, 1.0]})


def pruned_mobilenets(**others):
    inner = MobileNetSpace({**PRUNABLE, "stages": SMALL_STAGES})
    return CompressedSpace(inner, kept={"choice": [0.5, 1.0]}, **others)


def test_fewer_bits_are_fewer_bytes_and_as_many_parameters():
    space = CompressedSpace(CellSpace(channels=8, num_cells=1), weight_bits={"choice": [32, 8, 4]})
    inner = next(a for a in space.space.enumerate() if "conv3x3" in a.values())
    costs = [
        space.static_costs(space.architecture({**inner, "weight_bits": bits}), DATA)
        for bits in (32, 8, 4)
    ]
    assert len({cost["num_params"] for cost in costs}) == 1
    assert len({cost["num_macs"] for cost in costs}) == 1
    full, eight, four = (cost["size_bytes"] for cost in costs)
    assert 4 < full / four < 8
    assert 2 < full / eight < 4


def test_half_of_the_channels_are_about_a_quarter_of_the_weights_of_wide_layers():
    space = pruned_mobilenets(weight_bits=None)
    wide = {**PRUNABLE, "width": 1.0, "stages.repeat": 2}
    wide |= {
        f"stages.{index}.{name}": value
        for index in (0, 1)
        for name, value in {**SMALL_STAGES, "expansion": 3}.items()
        if name != "repeat"
    }
    half, full = (
        space.static_costs(space.architecture({**wide, "kept": kept}), DATA) for kept in (0.5, 1.0)
    )
    assert 0.2 < half["num_macs"] / full["num_macs"] < 0.5
    assert 0.2 < half["num_params"] / full["num_params"] < 0.5


def test_a_pruned_network_costs_what_its_weights_take():
    space = pruned_mobilenets(weight_bits=32, rank=0.5)
    for architecture in (space.sample(np.random.default_rng(seed)) for seed in range(3)):
        torch.manual_seed(0)
        built = space.build(architecture, DATA)
        stated = space.static_costs(architecture, DATA)
        assert stated == pytest.approx(costs_of(built, DATA, metrics=tuple(stated)))


def test_shares_of_channels_that_round_to_the_same_are_one_network():
    inner = MobileNetSpace({**PRUNABLE, "stages": {**SMALL_STAGES, "repeat": 1}})
    space = CompressedSpace(inner, weight_bits=None, kept={"choice": [0.5, 0.52, 1.0]})
    drawn = dict(inner.sample(np.random.default_rng(0)))
    names = [space.identity(space.architecture({**drawn, "kept": k})) for k in (0.5, 0.52, 1.0)]
    assert names[0] == names[1] != names[2]


def test_every_compression_of_every_network_is_counted():
    layers = {"repeat": {"int": [1, 2]}, "heads": {"choice": [1, 2]}, "mlp_ratio": 1.0}
    space = CompressedSpace(
        ViTSpace({"patch": 2, "embedding": 32, "layers": layers}),
        weight_bits={"choice": [32, 8, 4]},
    )
    assert len(set(space.enumerate())) == space.num_architectures() == (2 + 4) * 3


@pytest.mark.parametrize(
    ("compression", "message"),
    [
        ({"weight_bits": 2}, "must be one of"),
        ({"kept": 0.0}, "kept must be a number above 0"),
        ({"rank": 0.0}, "rank must be a number above 0"),
        ({"weight_bits": None}, "nothing is compressed"),
    ],
)
def test_a_fault_of_the_compression_is_named(compression, message):
    with pytest.raises(SpaceError, match=message):
        CompressedSpace(CellSpace(), **compression)
