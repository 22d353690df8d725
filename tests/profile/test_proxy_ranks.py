import math

import numpy as np
import pytest

from nas.profile.proxy_ranks import partial_rank_correlation, rank_correlation


def test_the_rank_correlation_passes_over_what_has_no_value():
    assert rank_correlation([1, 2, math.nan, 3], [10, 20, 0, 30]) == pytest.approx(1.0)
    assert rank_correlation([1, 2, 3], [9, 8, 1]) == pytest.approx(-1.0)


@pytest.mark.parametrize("values", [[1, 2], [5, 5, 5], [math.nan] * 5])
def test_too_few_or_equal_values_have_no_rank_correlation(values):
    assert math.isnan(rank_correlation(values, range(len(values))))


def test_what_the_size_explains_is_no_merit_of_a_proxy():
    rng = np.random.default_rng(0)
    sizes = rng.uniform(3, 6, 400)
    merit = rng.normal(size=400)
    accuracy = sizes + 0.3 * merit
    follows_size = sizes + rng.normal(size=400)
    assert rank_correlation(follows_size, accuracy) > 0.5
    assert abs(partial_rank_correlation(follows_size, accuracy, sizes)) < 0.1
    assert partial_rank_correlation(merit, accuracy, sizes) > 0.95


@pytest.mark.parametrize("proxy", [[1.0] * 9, list(range(9)), [*range(5), *[math.nan] * 4]])
def test_a_proxy_that_says_nothing_beyond_the_size_has_no_partial_correlation(proxy):
    assert math.isnan(partial_rank_correlation(proxy, [3, 1, 2, 5, 4, 9, 7, 8, 6], range(9)))
