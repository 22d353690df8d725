"""Every shipped space of networks can be made from its YAML, and tells its costs fast."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import yaml
from parts.work import num_calls

from nas.task import DataShape
from search_spaces.compressed import CompressedSpace

FOLDER = Path(__file__).parents[2] / "conf" / "search_space"


def made(name: str, side: int = 32):
    settings = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    module, _, word = settings.pop("_target_").rpartition(".")
    kind = getattr(import_module(module), word)
    return kind(**kind.fitted(settings, DataShape((3, side, side), 10)))


@pytest.mark.parametrize(
    ("name", "side"),
    [("mobilenet", 8), ("mobilenet_224", 224), ("resnet", 32), ("vit", 32), ("cell", 32)],
)
def test_costs_come_in_closed_form_without_building(name, side):
    space, data = made(name, side), DataShape((3, side, side), 10)
    # Building and counting one of these calls 20,000 functions or more.
    assert max(calls_of_first_looks(space, data, count=50)) < 2_000


def calls_of_first_looks(space, data, *, count):
    """Return how many functions are called for all costs of architectures drawn at random."""
    rng, calls = np.random.default_rng(0), []
    for _ in range(count):
        drawn, found = space.sample(rng), {}
        calls.append(num_calls(lambda d=drawn, f=found: f.update(space.static_costs(d, data))))
        assert min(found["num_params"], found["num_macs"]) > 0
    return calls


@pytest.mark.slow
def test_costs_of_timms_models_are_counted_on_shapes_alone():
    space, data = made("timm_family"), DataShape((3, 32, 32), 10)
    calls = calls_of_first_looks(space, data, count=9)
    assert float(np.median(calls)) < 200_000  # 96,000 with timm 1.0.31


@pytest.mark.parametrize(
    "compression", [{}, {"weight_bits": None, "rank": 0.5}], ids=["bits", "factors"]
)
def test_costs_of_a_compressed_network_come_without_compressing_it(compression):
    space = CompressedSpace(made("mobilenet", side=8), **compression)
    calls = calls_of_first_looks(space, DataShape((3, 8, 8), 10), count=9)
    assert float(np.median(calls)) < 60_000  # 19,000 and 31,000 where this was written


def test_the_cell_space_spans_the_published_sizes():
    """Dong and Yang, 2020: 0.073 to 1.531 million parameters on CIFAR-10."""
    space, data = made("cell"), DataShape((3, 32, 32), 10)
    sizes = [space.static_costs(cell, data)["num_params"] for cell in space.enumerate()]
    assert (min(sizes), max(sizes)) == (73306, 1531546)
