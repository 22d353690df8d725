"""Networks for signals fulfil the contract of spaces, and take no images."""

import pytest

from nas.errors import SpaceError
from nas.task import DataShape
from nas.testing.space_contract import SpaceContract
from search_spaces.signals import SignalSpace


class TestSignals(SpaceContract):
    data_shapes = SignalSpace.example_data
    num_architectures = 20

    def make_space(self):
        return SignalSpace()


def test_images_are_refused_at_the_start():
    with pytest.raises(SpaceError, match=r"series .* but the data are \(1, 8, 8\)"):
        SignalSpace().check_data(DataShape((1, 8, 8), 10))
