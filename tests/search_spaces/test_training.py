"""Settings of the training as parameters of a search."""

import numpy as np
import pytest

from nas.errors import SpaceError
from nas.task import DataShape
from nas.testing.space_contract import SpaceContract
from search_spaces.mobilenet import MobileNetSpace
from search_spaces.training import TrainingSpace

DATA = DataShape((1, 8, 8), 10)
STAGES = {"repeat": 1, "depth": 1, "kernel": 3, "expansion": 1, "squeeze_excite": False}
NETWORKS = {"resolution": 8, "activation": "relu", "stages": STAGES}


def trained(**settings):
    return TrainingSpace(
        MobileNetSpace({**NETWORKS, "width": {"choice": [0.25, 0.5]}}), **settings
    )


class TestTrainedMobileNets(SpaceContract):
    num_architectures = 4
    data_shapes = (DATA,)

    def make_space(self):
        return trained(learning_rate={"choice": [0.01, 0.02]}, augmentation=None)


def test_one_network_trained_in_two_ways_costs_the_same_and_is_two_points():
    space = trained(learning_rate={"choice": [0.01, 0.02]})
    pair = [a for a in space.enumerate() if a["width"] == 0.5]
    costs = [space.static_costs(a, DATA) for a in pair]
    assert [a["training.learning_rate"] for a in pair] == [0.01, 0.02]
    assert costs[0] == costs[1] != space.static_costs(next(space.enumerate()), DATA)
    assert len({space.identity(a) for a in pair}) == 2


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"learning_rate": None}, "no setting is searched"),
        (
            {"warmup": {"choice": [0.1, 0.2], "when": {"width": 0.5}}},
            "'when' and 'repeat'|cannot depend|width",
        ),
        ({"learning_rate": {"float": [0.0, 1.0], "log": True}}, "low > 0"),
    ],
)
def test_settings_that_cannot_be_searched_are_refused(settings, told):
    with pytest.raises(SpaceError, match=told):
        trained(**settings)


def test_settings_of_the_training_change_no_place_of_weights():
    space = trained(learning_rate={"float": [0.01, 0.1]})
    drawn = space.sample(np.random.default_rng(0))
    network = {name: v for name, v in drawn.items() if not name.startswith("training.")}
    assert space.places(drawn) == space.space.places(space.space.architecture(network))
