"""How far apart two architectures are."""

import numpy as np
import pytest

from nas.space.distance import distance
from nas.space.space import SearchSpace

SPACE = SearchSpace(
    {
        "width": {"choice": [0.25, 1.0, 0.5]},
        "activation": {"choice": ["relu", "silu", "gelu"]},
        "rate": {"float": [0.0, 2.0]},
        "stages": {"repeat": {"int": [1, 3]}, "kernel": {"choice": [3, 5]}},
    }
)
BASE = {"width": 0.25, "activation": "relu", "rate": 0.5, "stages.repeat": 1, "stages.0.kernel": 3}


def apart(changes):
    one, other = (SPACE.architecture({**BASE, **each}) for each in ({}, changes))
    return distance(one, other, SPACE.parameters)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 0.0),
        ({"width": 0.5}, 0.5),  # numbers count by their rank, however they are listed
        ({"width": 1.0}, 1.0),
        ({"activation": "gelu"}, 1.0),
        ({"rate": 1.0}, 0.25),
        ({"stages.repeat": 2, "stages.1.kernel": 3}, 0.5 + 1.0),  # a block more
    ],
)
def test_each_parameter_adds_its_share_of_the_range(changes, expected):
    assert apart(changes) == pytest.approx(expected)


def test_distance_is_a_metric():
    rng = np.random.default_rng(0)
    drawn = [SPACE.sample(rng) for _ in range(12)]

    for one in drawn:
        for other in drawn:
            between = distance(one, other, SPACE.parameters)
            assert between == pytest.approx(distance(other, one, SPACE.parameters))
            assert (between == 0.0) == (one == other)
            around = [
                distance(one, third, SPACE.parameters) + distance(third, other, SPACE.parameters)
                for third in drawn
            ]
            assert between <= min(around) + 1e-9
