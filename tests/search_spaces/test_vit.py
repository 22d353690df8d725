"""Vision transformers: the contract, closed-form costs, and what cannot be built."""

import copy

import numpy as np
import pytest

from nas.errors import SpaceError, UnbuildableError
from nas.measure.cost import count_costs
from nas.task import DataShape
from nas.testing.space_contract import SpaceContract
from search_spaces.vit import ViTSpace


class TestViTSpace(SpaceContract):
    num_architectures = 4

    def make_space(self):
        return ViTSpace()


def fixed(**layer) -> dict:
    layers = {"repeat": 1, "heads": 2, "mlp_ratio": 2.0, **layer}
    return {"patch": 4, "embedding": 32, "layers": layers}


@pytest.mark.parametrize("size", [(28, 28), (13, 21), (64, 64)], ids=str)
def test_the_closed_form_equals_the_built_network(size):
    space, data = ViTSpace(), DataShape((3, *size), 5)
    rng = np.random.default_rng(0)
    for _ in range(5):
        drawn = space.sample(rng)
        stated = space.static_costs(drawn, data)
        counted = count_costs(lambda a=drawn: space.build(a, data), data, metrics=tuple(stated))
        assert counted == stated


def test_one_layer_has_the_parameters_of_the_paper():
    """Dosovitskiy et al., 2021, equations 1 to 4, without class token, for one layer by hand."""
    space, data = ViTSpace(fixed(), head_features=16), DataShape((3, 32, 32), 10)
    patches = 3 * 4 * 4 * 32 + 32 + 64 * 32
    attention = 32 * 3 * 32 + 3 * 32 + 32 * 32 + 32
    mlp = 32 * 64 + 64 + 64 * 32 + 32
    norms = 3 * 2 * 32
    (only,) = space.enumerate()
    costs = space.static_costs(only, data)
    assert costs["num_params"] == patches + attention + mlp + norms + 32 * 10 + 10


def test_images_are_resized_to_a_multiple_of_the_patch():
    (only,) = (space := ViTSpace(fixed())).enumerate()
    assert space.build(only, DataShape((1, 9, 30), 10)).input_size == (12, 32)


def test_images_of_too_few_patches_cannot_be_built():
    (only,) = (space := ViTSpace({**fixed(), "patch": 8})).enumerate()
    with pytest.raises(UnbuildableError, match="into 1; vit needs at least 4"):
        space.build(only, DataShape((1, 8, 8), 10))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"heads": 0}, "heads must be a whole number of at least 1", id="heads"),
        pytest.param({"mlp_ratio": 0.0}, "mlp_ratio must be a number above 0", id="mlp"),
        pytest.param({"kernel": 3}, "no parameter 'layers.kernel'", id="unknown"),
    ],
)
def test_a_fault_of_the_parameters_is_named(change, message):
    tree = copy.deepcopy(fixed(**change))
    with pytest.raises(SpaceError, match=message):
        ViTSpace(tree)
