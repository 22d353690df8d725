"""What chance does to shares of a few examples, against counts by hand and by simulation."""

import numpy as np
import pytest

from nas.export.chance import ONE_SIDED, chance_of_at_most, least_loss, share_interval


def test_wilsons_interval_of_a_textbook_case():
    # 15 of 148: Newcombe 1998, table I, method 3: 0.0624 to 0.1605.
    assert share_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)


@pytest.mark.parametrize(("num_right", "end"), [(0, 0), (10, 1)])
def test_an_interval_stays_within_a_share(num_right, end):
    assert end in [pytest.approx(limit) for limit in share_interval(num_right, 10)]


def test_two_of_120_that_are_lost_are_no_certain_loss():
    right = np.arange(120) >= 2

    assert least_loss(right, np.ones(120, dtype=bool)) < 0


def test_equal_models_lose_nothing_for_certain():
    right = np.arange(50) < 30

    # By hand: lost and won are 0.5 each, so the bound is -1.645 sqrt(1) / 52.
    assert least_loss(right, right) == pytest.approx(-ONE_SIDED / 52)


def test_a_loss_within_what_is_allowed_is_seldom_called_certain():
    # 400 tests of 500 examples; the file loses 1 % of them in truth, won and lost together 5 %.
    rng = np.random.default_rng(0)
    draws = rng.random((400, 500))
    lost, won = draws < 0.03, (draws >= 0.03) & (draws < 0.05)

    called = [least_loss(~loss, ~gain) > 0.01 for loss, gain in zip(lost, won, strict=True)]

    # 5 % are expected, 20 of 400; more than 34 has a chance of one in a thousand.
    assert sum(called) <= 34


@pytest.mark.parametrize(("num_right", "expected"), [(8, 0.0861), (7, 0.0115), (10, 1.0)])
def test_so_few_of_ten_count_by_chance(num_right, expected):
    assert chance_of_at_most(num_right, 10, 0.95) == pytest.approx(expected, abs=1e-4)
