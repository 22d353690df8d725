"""Further parameters around a space."""

from typing import ClassVar

import numpy as np
import pytest
from torch import nn

from nas.errors import SpaceError
from nas.space.extended import ExtendedSpace
from nas.space.space import SearchSpace


class Inner(SearchSpace):
    default_parameters: ClassVar = {"width": {"choice": [1, 2]}, "depth": {"int": [1, 3]}}

    def build(self, architecture, data):
        del architecture, data
        return nn.Identity()


def test_every_network_comes_with_every_further_value():
    space = ExtendedSpace(Inner(), {"bits": {"choice": [4, 8]}})
    found = list(space.enumerate())
    assert space.num_architectures() == len(found) == len(set(found)) == 2 * 3 * 2
    assert {a["bits"] for a in found if a["width"] == 1 and a["depth"] == 3} == {4, 8}


def test_a_change_reaches_a_value_of_an_endless_range():
    space = ExtendedSpace(Inner(), {"rate": {"float": [0.1, 1.0]}})
    rng = np.random.default_rng(0)
    start = space.sample(rng)
    changed = [space.mutate(start, rng) for _ in range(50)]
    assert any(a["rate"] != start["rate"] for a in changed)
    assert all(0.1 <= a["rate"] <= 1.0 for a in changed)
    assert all(space.architecture(dict(a)) == a for a in changed)


def test_an_architecture_is_parted_into_network_and_further_values():
    space = ExtendedSpace(Inner(), {"bits": {"choice": [4, 8]}})
    whole = space.architecture({"width": 2, "depth": 1, "bits": 8})
    inner, further = space.parted(whole)
    assert (dict(inner), further) == ({"depth": 1, "width": 2}, {"bits": 8})


def test_a_name_of_the_space_inside_is_refused():
    with pytest.raises(SpaceError, match="has a parameter 'width' of its own"):
        ExtendedSpace(Inner(), {"width": {"choice": [1, 2]}})
