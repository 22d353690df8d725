import numpy as np
import pytest
from parts.engine import NUM_SMALL, SMALL, ClosedForm, size_of

from nas.errors import UnbuildableError
from nas.objective import Constraint
from nas.profile.space_profile import (
    Sampling,
    count_networks,
    draw_sample,
    kept,
    profile_space,
    spread_of,
)
from nas.space.space import SearchSpace

LARGE = {**SMALL, **{f"gene_{i}": {"int": [0, 9]} for i in range(6)}}


class DepthIsAll(SearchSpace):
    """Networks differ in depth alone."""

    def identity(self, architecture):
        return str(architecture["depth"])


class OnlyOddDepths(ClosedForm):
    def static_costs(self, architecture):
        if architecture["depth"] % 2 == 0:
            raise UnbuildableError("even")
        return super().static_costs(architecture)


class BrokenWidth(ClosedForm):
    def static_costs(self, architecture):
        if architecture["width"] == 1.0:
            raise RuntimeError("width 1.0 does not fit")
        return super().static_costs(architecture)


@pytest.fixture
def all_sizes():
    return [size_of(a) for a in SearchSpace(SMALL).enumerate()]


def test_a_small_space_is_counted_whole(all_sizes):
    profile = profile_space(SearchSpace(SMALL), ClosedForm())

    (spread,) = profile.spreads
    assert profile.sample.is_whole
    assert profile.num_architectures == profile.num_networks == NUM_SMALL
    assert spread.quantiles == pytest.approx(np.quantile(all_sizes, (0, 0.25, 0.5, 0.75, 1)))
    assert sum(spread.counts) == NUM_SMALL


def test_the_share_that_keeps_the_constraints_is_exact_in_a_small_space(all_sizes):
    limit = Constraint("size_bytes", maximum=1000.0)

    found = profile_space(SearchSpace(SMALL), ClosedForm(), constraints=[limit]).feasibility

    assert found.num_kept == sum(size <= 1000 for size in all_sizes)
    assert found.low == found.high == found.num_kept / NUM_SMALL


def test_the_interval_of_a_sample_holds_the_true_share(all_sizes):
    space, limit = SearchSpace(LARGE), Constraint("size_bytes", maximum=1000.0)
    sampling = Sampling(num_samples=300, seed=1)

    found = profile_space(space, ClosedForm(), constraints=[limit], sampling=sampling).feasibility

    # Drawn parameter by parameter, so configurations with a scale weigh less than in the list.
    true = np.mean([size_of(space.sample(np.random.default_rng(i))) <= 1000 for i in range(4000)])
    assert found.low < true < found.high


def test_where_nothing_keeps_the_constraints_the_nearest_is_named(all_sizes):
    limit = Constraint("size_bytes", maximum=100.0)

    found = profile_space(SearchSpace(SMALL), ClosedForm(), constraints=[limit]).feasibility

    assert not found.is_possible
    assert found.nearest_costs == {"size_bytes": min(all_sizes)}
    assert found.excess == pytest.approx((min(all_sizes) - 100) / 100)


def test_what_a_sample_missed_is_found_by_a_search(all_sizes):
    space, limit = SearchSpace(LARGE), Constraint("size_bytes", maximum=min(all_sizes))
    sampling = Sampling(num_samples=5, seed=0)

    profile = profile_space(space, ClosedForm(), constraints=[limit], sampling=sampling)

    assert kept(profile.sample, [limit]) == []
    assert profile.feasibility.is_possible
    assert profile.feasibility.nearest_costs["size_bytes"] == min(all_sizes)


def test_configurations_of_one_network_are_told_apart_from_networks():
    assert count_networks(DepthIsAll(SMALL)) == 4
    assert count_networks(DepthIsAll(LARGE)) is None
    assert count_networks(SearchSpace({"x": {"float": [0.0, 1.0]}})) is None


def test_architectures_that_do_not_exist_are_counted_apart():
    sample = draw_sample(SearchSpace(SMALL), OnlyOddDepths(), Sampling())

    assert sample.num_unbuildable == NUM_SMALL // 2
    assert len(sample.members) == NUM_SMALL // 2


def test_architectures_that_cannot_be_built_are_told_with_the_reason():
    sample = draw_sample(SearchSpace(SMALL), BrokenWidth(), Sampling())

    assert len(sample.faults) == NUM_SMALL // 3
    assert "width 1.0 does not fit" in sample.faults[0]
    assert "width=1" in sample.faults[0]


def test_a_space_that_is_cut_short_is_not_called_whole():
    sample = draw_sample(SearchSpace(SMALL), ClosedForm(), Sampling(time_limit_s=0.0))

    assert not sample.is_whole
    assert len(sample.members) == 1


def test_what_the_search_does_not_count_is_added():
    profile = profile_space(
        SearchSpace(SMALL), ClosedForm(), count_more=lambda a: {"extra": float(a["depth"])}
    )

    assert [spread.metric for spread in profile.spreads] == ["extra", "size_bytes"]
    assert profile.spreads[0].quantiles == (1, 1.75, 2.5, 3.25, 4)


@pytest.mark.parametrize(
    ("values", "is_log"), [([1, 5, 9], False), ([1, 5, 10], True), ([0, 100], False)]
)
def test_bins_are_even_in_the_logarithm_from_a_factor_of_ten(values, is_log):
    spread = spread_of("size_bytes", values)

    steps = np.diff(np.log(spread.edges)) if is_log else np.diff(spread.edges)
    assert spread.is_log is is_log
    assert np.allclose(steps, steps[0])
    assert sum(spread.counts) == len(values)


def test_equal_values_fill_one_bin():
    assert spread_of("size_bytes", [7.0, 7.0]).counts == (2,)
