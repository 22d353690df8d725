import math

import pytest

from nas.profile.proxy_ranks import rank_correlation


def test_the_rank_correlation_passes_over_what_has_no_value():
    assert rank_correlation([1, 2, math.nan, 3], [10, 20, 0, 30]) == pytest.approx(1.0)
    assert rank_correlation([1, 2, 3], [9, 8, 1]) == pytest.approx(-1.0)


@pytest.mark.parametrize("values", [[1, 2], [5, 5, 5], [math.nan] * 5])
def test_too_few_or_equal_values_have_no_rank_correlation(values):
    assert math.isnan(rank_correlation(values, range(len(values))))
