"""How long a step is expected to take."""

import numpy as np
import pytest

from nas.frontier.step_costs import StepCosts
from nas.frontier.step_results import Climb

SHARES = (0.25, 1.0)


def climb(rate, *, reached=1.0):
    """A trial of `rate` seconds for a whole training."""
    seconds = {share: rate * share for share in SHARES if share <= reached}
    losses = {share: np.zeros(1) for share in seconds}
    return Climb(None, losses, seconds)


def test_a_step_takes_its_share_of_what_like_networks_took():
    features = np.zeros((4, 1))
    costs = StepCosts([climb(8.0) for _ in range(4)], features)

    assert costs.seconds(features[:1], 0.0, 0.25)[0] == pytest.approx(2.0)
    assert costs.seconds(features[:1], 0.25, 1.0)[0] == pytest.approx(6.0)


def test_a_step_that_nobody_took_is_expected_by_its_share():
    features = np.zeros((2, 1))
    costs = StepCosts([climb(8.0, reached=0.25)] * 2, features)

    assert costs.seconds(features[:1], 0.25, 1.0)[0] == pytest.approx(6.0)


def test_larger_networks_are_expected_to_take_longer():
    sizes = np.linspace(0.0, 1.0, 40)[:, None]
    costs = StepCosts([climb(float(np.exp(3 * x))) for x in sizes[:, 0]], sizes)

    small, large = costs.seconds(np.array([[0.0], [1.0]]), 0.0, 0.25)

    assert large / small == pytest.approx(np.exp(3), rel=0.5)


def test_a_trial_that_was_slow_stays_slow():
    features = np.zeros((3, 1))
    climbs = [climb(8.0), climb(8.0), climb(64.0, reached=0.25)]
    costs = StepCosts(climbs, features)

    ratio = costs.off(climbs[2], features[2]) / costs.off(climbs[0], features[0])
    assert 4.0 < ratio <= 8.0  # its first step was eight times as long


def test_the_share_of_first_rungs_is_that_of_their_seconds():
    costs = StepCosts([climb(8.0), climb(8.0, reached=0.25)], np.zeros((2, 1)))

    assert costs.share_of_first == pytest.approx(4.0 / 10.0)
