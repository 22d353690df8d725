"""Every shipped space of networks can be made from its YAML, and tells its costs fast."""

import time
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import yaml

from nas.task import DataShape
from search_spaces.compressed import CompressedSpace

FOLDER = Path(__file__).parents[2] / "conf" / "search_space"


def made(name: str):
    settings = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    module, _, word = settings.pop("_target_").rpartition(".")
    return getattr(import_module(module), word)(**settings)


@pytest.mark.parametrize(
    ("name", "side"),
    [("mobilenet", 8), ("mobilenet_224", 224), ("resnet", 32), ("vit", 32), ("cell", 32)],
)
def test_costs_of_an_architecture_take_less_than_20_ms(name, side):
    space, data = made(name), DataShape((3, side, side), 10)
    assert float(np.median(seconds_of_first_looks(space, data, count=50))) < 0.020


def seconds_of_first_looks(space, data, *, count):
    """Return the CPU seconds of all three costs of architectures drawn at random."""
    rng, seconds = np.random.default_rng(0), []
    for _ in range(count):
        drawn = space.sample(rng)
        started = time.process_time()
        costs = space.static_costs(drawn, data)
        seconds.append(time.process_time() - started)
        assert min(costs["num_params"], costs["num_macs"]) > 0
    return seconds


def test_costs_of_timms_models_take_less_than_60_ms():
    space, data = made("timm_family"), DataShape((3, 32, 32), 10)
    seconds = seconds_of_first_looks(space, data, count=25)
    assert float(np.median(seconds)) < 0.060


@pytest.mark.parametrize(
    ("compression", "limit_s"),
    [({}, 0.020), ({"weight_bits": None, "rank": 0.5}, 0.060)],
    ids=["bits", "factors"],
)
def test_costs_of_a_compressed_network_take_milliseconds(compression, limit_s):
    space = CompressedSpace(made("mobilenet"), **compression)
    seconds = seconds_of_first_looks(space, DataShape((3, 8, 8), 10), count=25)
    assert float(np.median(seconds)) < limit_s


def test_the_cell_space_spans_the_published_sizes():
    """Dong and Yang, 2020: 0.073 to 1.531 million parameters on CIFAR-10."""
    space, data = made("cell"), DataShape((3, 32, 32), 10)
    sizes = [space.static_costs(cell, data)["num_params"] for cell in space.enumerate()]
    assert (min(sizes), max(sizes)) == (73306, 1531546)
