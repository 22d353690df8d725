"""What is known of a network before it is trained."""

import numpy as np
import pytest
from torch import nn

from nas.evaluation.known import KnownBefore
from nas.task import DataShape
from nas.widths import WIDTHS
from search_spaces.compressed import CompressedSpace
from search_spaces.function import FunctionSpace
from search_spaces.mobilenet import MobileNetSpace

DATA = DataShape((1, 8, 8), 10)
METRICS = ("num_params", "size_bytes", "num_macs")
TREE = {"width": {"choice": [4, 8, 16]}}


def small(architecture, data):
    width = architecture["width"]
    return nn.Sequential(
        nn.Conv2d(data.input_shape[0], width, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, data.num_classes),
    )


def stated(architecture, data):
    weights = 10 * architecture["width"] + 11 * architecture["width"]
    del data
    return {"num_params": weights, "size_bytes": 4 * weights, "num_macs": 9 * weights}


def drawn(space, count=12):
    rng = np.random.default_rng(0)
    return [space.sample(rng) for _ in range(count)]


def test_widths_are_counted_with_the_costs():
    space = FunctionSpace(TREE, build=small)
    known = KnownBefore(space, DATA, metrics=METRICS)
    (eight,) = [a for a in space.enumerate() if a["width"] == 8]
    assert known.costs(eight)["num_params"] == 8 * 9 + 8 + 8 * 10 + 10
    assert known.widths(eight) == {"mean_width": 8.0, "min_width": 8.0, "num_features": 8.0}


def test_a_space_that_states_costs_alone_is_not_built_for_its_widths():
    def never(architecture, data):
        raise AssertionError("built")

    space = FunctionSpace(TREE, build=never, static_costs=stated)
    known = KnownBefore(space, DATA, metrics=METRICS)
    for architecture in space.enumerate():
        assert known.costs(architecture) == stated(architecture, DATA)
        assert known.widths(architecture) == {}


def test_a_space_that_states_nothing_in_an_empty_answer_is_counted():
    space = FunctionSpace(TREE, build=small, static_costs=lambda architecture, data: {})
    known = KnownBefore(space, DATA, metrics=METRICS)
    assert all(known.widths(architecture) for architecture in space.enumerate())


@pytest.mark.parametrize(
    "inner",
    [
        MobileNetSpace(),
        FunctionSpace(TREE, build=small),
        FunctionSpace(TREE, build=small, static_costs=stated),
    ],
    ids=["closed form", "counted", "stated"],
)
@pytest.mark.parametrize(
    "compression",
    [{"weight_bits": {"choice": [32, 8]}}, {"weight_bits": 32, "rank": {"choice": [0.5, 1.0]}}],
    ids=["bits", "rank"],
)
def test_every_compression_of_every_network_has_widths(inner, compression):
    space = CompressedSpace(inner, **compression)
    known = KnownBefore(space, DATA, metrics=METRICS)
    for architecture in drawn(space):
        assert set(known.widths(architecture)) == set(WIDTHS)
