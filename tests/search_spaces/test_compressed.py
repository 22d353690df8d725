"""Compression as parameters: the contract around spaces with conditions and with dead edges."""

import pytest

from nas.errors import SpaceError
from nas.task import DataShape
from nas.testing.space_contract import SpaceContract
from search_spaces.cell import CellSpace
from search_spaces.compressed import CompressedSpace
from search_spaces.vit import ViTSpace

DATA = DataShape((1, 8, 8), 10)


class TestCompressedCells(SpaceContract):
    num_architectures = 5
    data_shapes = (DATA,)

    def make_space(self):
        return CompressedSpace(CellSpace(channels=4, num_cells=1))


class TestCompressedTransformers(SpaceContract):
    num_architectures = 5
    data_shapes = (DATA,)

    def make_space(self):
        layers = {"repeat": {"int": [1, 2]}, "heads": 2, "mlp_ratio": 2.0}
        inner = ViTSpace({"patch": 2, "embedding": {"choice": [32, 48]}, "layers": layers})
        return CompressedSpace(inner, {"rank": {"choice": [0.5, 1.0]}})


def test_fewer_bits_are_fewer_bytes_and_as_many_parameters():
    space = CompressedSpace(CellSpace(channels=8, num_cells=1))
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


def test_every_compression_of_every_network_is_counted():
    layers = {"repeat": {"int": [1, 2]}, "heads": {"choice": [1, 2]}, "mlp_ratio": 1.0}
    space = CompressedSpace(ViTSpace({"patch": 2, "embedding": 32, "layers": layers}))
    assert len(set(space.enumerate())) == space.num_architectures() == (2 + 4) * 3


@pytest.mark.parametrize(
    ("compression", "message"),
    [
        ({"weight_bits": 2}, "must be one of"),
        ({"bits": 8}, "no parameter 'bits'"),
        ({"rank": 0.0}, "rank must be a number above 0"),
    ],
)
def test_a_fault_of_the_compression_is_named(compression, message):
    with pytest.raises(SpaceError, match=message):
        CompressedSpace(CellSpace(), compression)
