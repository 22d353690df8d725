"""The cell space against the published table of NAS-Bench-201."""

from pathlib import Path

import numpy as np
import pytest
import torch

from nas.architecture import Architecture
from nas.errors import SpaceError
from nas.measure.cost import count_costs
from nas.models.cell import EDGES, OPERATIONS, cell_expression
from nas.task import DataShape
from nas.testing.space_contract import SpaceContract
from search_spaces.cell import CellSpace

TABLE = Path("../shared/data/nas_bench_201/nas_bench_201.parquet")
needs_table = pytest.mark.skipif(
    not TABLE.exists(), reason=f"the published table is not at {TABLE}"
)


class TestSmallCells(SpaceContract):
    def make_space(self):
        return CellSpace(channels=4, num_cells=1)


def published(num_rows: int) -> list[dict]:
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = parquet.read_table(TABLE).to_pylist()
    chosen = np.random.default_rng(0).choice(len(rows), num_rows, replace=False)
    return [rows[index] for index in chosen]


def cell_of(row: dict) -> Architecture:
    return Architecture({edge: row[edge] for edge in EDGES})


@needs_table
@pytest.mark.parametrize(
    ("name", "side", "num_classes"),
    [("c10", 32, 10), ("c100", 32, 100), ("in16", 16, 120)],
    ids=["CIFAR-10", "CIFAR-100", "ImageNet-16-120"],
)
def test_parameters_and_macs_equal_the_published_ones(name, side, num_classes):
    space, data = CellSpace(), DataShape((3, side, side), num_classes)
    for row in published(200):
        costs = space.static_costs(cell_of(row), data)
        assert costs["num_params"] == row[f"params_{name}"]
        assert costs["num_macs"] == row[f"macs_{name}"]


@needs_table
def test_the_built_network_has_the_published_size():
    space, data = CellSpace(), DataShape((3, 32, 32), 10)
    for row in published(10):
        cell = cell_of(row)
        stated = space.static_costs(cell, data)
        counted = count_costs(lambda c=cell: space.build(c, data), data, metrics=tuple(stated))
        assert counted == stated
        assert counted["num_params"] == row["params_c10"]


@needs_table
def test_cells_that_the_benchmark_calls_one_have_one_text():
    texts: dict[int, set[str]] = {}
    for row in published(3000):
        texts.setdefault(row["unique_id"], set()).add(cell_expression(cell_of(row)))
    assert all(len(group) == 1 for group in texts.values())


def test_a_cell_computes_what_the_paper_defines():
    """One cell by hand: 0 -skip-> 1, 0 -avgpool-> 2, 1 -skip-> 3, 2 -skip-> 3, 0 -skip-> 3."""
    space, data = CellSpace(channels=4, num_cells=1), DataShape((1, 8, 8), 10)
    chosen = dict.fromkeys(EDGES, "skip") | {"e02": "avgpool", "e12": "none"}
    model = space.build(Architecture(chosen), data).eval()
    maps = torch.randn(2, 4, 8, 8)
    pooled = torch.nn.functional.avg_pool2d(maps, 3, 1, 1, count_include_pad=False)
    torch.testing.assert_close(model.get_submodule("blocks.0")(maps), 2 * maps + pooled)


def test_dead_edges_rest_so_that_equal_cells_are_one_architecture():
    space = CellSpace()
    alive = {"e01": "none", "e02": "none", "e03": "conv3x3", "e12": "conv1x1", "e13": "skip"}
    one = space.architecture(alive | {"e23": "avgpool"})
    other = space.architecture(dict.fromkeys(EDGES, "none") | {"e03": "conv3x3"})
    assert one == other


def test_isomorphic_cells_share_an_identity_and_two_convolutions_are_not_one():
    space = CellSpace()
    rest = dict.fromkeys(EDGES, "none")
    by_node_1 = space.architecture(rest | {"e01": "conv3x3", "e13": "avgpool"})
    by_node_2 = space.architecture(rest | {"e02": "conv3x3", "e23": "avgpool"})
    assert space.identity(by_node_1) == space.identity(by_node_2)
    shared = {"e01": "conv3x3", "e12": "skip", "e13": "skip", "e23": "skip"}
    separate = {"e01": "conv3x3", "e13": "skip", "e03": "conv3x3"}
    assert space.identity(space.architecture(rest | shared)) != space.identity(
        space.architecture(rest | separate)
    )


def test_every_cell_is_enumerated_once():
    space = CellSpace()
    cells = list(space.enumerate())
    assert len(set(cells)) == len(cells) == space.num_architectures()
    assert len(cells) < len(OPERATIONS) ** len(EDGES)
    # By hand: zero, the identity, and one operation or two parallel ones between input and output.
    assert {"#", "0", "(0)@conv3x3", "(0)@avgpool+(0)@conv1x1"} <= {
        cell_expression(cell) for cell in cells
    }


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        pytest.param({"e01": "conv3x3"}, "needs the parameter e02", id="edges missing"),
        pytest.param(
            dict.fromkeys(EDGES, "skip") | {"e33": "skip"}, "no parameter 'e33'", id="unknown"
        ),
        pytest.param(
            dict.fromkeys(EDGES, "conv5x5"), "must be one of none, skip", id="no such operation"
        ),
    ],
)
def test_a_fault_of_the_parameters_is_named(parameters, message):
    with pytest.raises(SpaceError, match=message):
        CellSpace(parameters)
