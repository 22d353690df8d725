import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.frontier.loss_scale import LossScale

# Ten good networks with losses 1 to 10, and one that is broken.
LOSSES = np.array([*range(1, 11), 1000.0])[:, None]


def test_losses_have_mean_0_and_sd_1():
    scaled = LossScale(LOSSES)(LOSSES)
    assert scaled.mean() == pytest.approx(0.0)
    assert scaled.std() == pytest.approx(1.0)


def test_a_broken_network_does_not_set_the_scale():
    scaled = LossScale(LOSSES)(LOSSES)[:, 0]
    # Without the warp all ten would lie within .03 of each other.
    assert scaled[9] - scaled[0] > 1.3
    assert scaled[10] > scaled[9]


def test_good_losses_keep_their_proportions():
    scaled = LossScale(LOSSES)(LOSSES)[:, 0]
    assert np.diff(scaled[:10]) == pytest.approx(np.full(9, scaled[1] - scaled[0]))


@settings(derandomize=True, max_examples=60)
@given(st.lists(st.floats(-100.0, 100.0), min_size=2, max_size=12))
def test_the_order_of_losses_is_kept(losses):
    column = np.array(losses)[:, None]
    scaled = LossScale(column)(column)[:, 0]
    order = np.argsort(column[:, 0], kind="stable")
    assert (np.diff(scaled[order]) >= 0.0).all()


@settings(derandomize=True, max_examples=60)
@given(st.integers(0, 1000))
def test_straight_is_the_inverse(seed):
    rng = np.random.default_rng(seed)
    losses = rng.standard_t(1.5, (int(rng.integers(2, 40)), 2)) * rng.uniform(0.1, 50.0)
    scale = LossScale(losses)
    assert scale.straight(scale(losses)) == pytest.approx(losses, rel=1e-6, abs=1e-6)


def test_slopes_of_the_bend_are_those_of_the_straight_scale():
    scale = LossScale(LOSSES)
    (warp,) = scale.warps()
    straight = scale.straight(warp.knots[:, None])[:, 0] / scale.sd
    assert warp.slopes[:-1] == pytest.approx(np.diff(straight) / np.diff(warp.knots))
    assert warp.knots[0] == pytest.approx(scale.knot[0])


def test_equal_losses_are_all_in_the_middle():
    assert (LossScale(np.full((3, 1), 5.0))(np.full((3, 1), 5.0)) == 0.0).all()
