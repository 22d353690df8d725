"""Networks by which the speed of a space is measured."""

import pytest

from nas.architecture import Architecture
from nas.objective import Constraint
from nas.profile.speed import sample_costs


class Widths:
    """A space of widths from 1 to 100, each as many multiply-accumulates and bytes."""

    @property
    def space(self):
        return self

    def sample(self, rng):
        return Architecture({"width": int(rng.integers(1, 101))})

    def static_costs(self, architecture):
        if architecture["width"] % 10 == 0:
            raise ValueError("cannot be built")
        return {
            "num_macs": float(architecture["width"]),
            "size_bytes": float(architecture["width"]),
        }


@pytest.mark.parametrize(("limit", "most"), [(5, 5), (1000, 99), (0.5, 99)])
def test_only_networks_that_a_search_may_train_count_unless_there_are_none(limit, most):
    limits = (Constraint("size_bytes", maximum=limit),)

    costs = [costs["num_macs"] for _, costs in sample_costs(Widths(), seed=0, limits=limits)]

    assert len(costs) > 30
    assert costs == sorted(costs)
    assert max(costs) <= most
    assert (max(costs) > 5) is (limit != 5)
