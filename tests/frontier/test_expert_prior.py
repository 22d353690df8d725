"""What an expert's prior is worth, and how soon it is outweighed."""

import numpy as np
import pytest

from nas.frontier.encoding import Encoding
from nas.frontier.expert_prior import MAX_SPREAD, SHARE_WITHOUT, ExpertPrior
from nas.frontier.gaussian_process import Kernel, Posterior, equal_blocks
from nas.space.space import SearchSpace

KERNEL = Kernel(equal_blocks([1]), ((0,),), (1.0,))


def prior_of(tree):
    encoding = Encoding(SearchSpace(tree))
    return ExpertPrior(encoding), encoding


def test_log_pi_of_a_choice_is_that_of_its_weights_over_an_even_draw():
    prior, _ = prior_of({"a": {"choice": ["x", "y", "z"], "prior": {"y": 4}}})
    # Weights 1, 4 and 1, of which a third each would be even.
    assert np.allclose(prior(np.array([[0.0], [1.0], [2.0]])), np.log([0.5, 2.0, 0.5]))


@pytest.mark.parametrize(
    "domain",
    [
        {"float": [0.0, 2.0], "prior": 0.0},
        {"float": [1e-4, 3e-2], "log": True, "prior": 3e-3},
        {"choice": [1, 2, 3, 4], "prior": {2: 3, 4: 0.5}},
    ],
)
def test_pi_is_a_density_and_largest_where_the_expert_says(domain):
    prior, encoding = prior_of({"a": domain})
    rows = encoding.draw(20_000, np.random.default_rng(0))
    density = np.exp(prior(rows))
    # One standard error of the mean is below .006 for densities of at most 3.
    assert density.mean() == pytest.approx(1.0, abs=0.03)
    best = encoding.decode(rows[np.argmax(density)])["a"]
    assert best == pytest.approx(domain["prior"], rel=0.01, abs=0.01) or best == 2
    assert density.min() > 0.05


def test_absent_parameters_say_nothing():
    tree = {"a": {"choice": [1, 2]}, "b": {"choice": [3, 5], "prior": {5: 3}, "when": {"a": 2}}}
    prior, encoding = prior_of(tree)
    assert prior(np.array([encoding.encode({"a": 1})])) == [0.0]
    assert prior(np.array([encoding.encode({"a": 2, "b": 5})])) > 0.0


def test_a_prior_on_every_layer_and_an_extreme_one_weigh_no_more_than_a_strong_one():
    layers = {"repeat": 30, "kernel": {"choice": [3, 5], "prior": {5: 3}}}
    for tree in ({"l": layers}, {"a": {"choice": ["x", "y"], "prior": {"x": 1e300, "y": 1e-300}}}):
        prior, encoding = prior_of(tree)
        found = prior(encoding.draw(5_000, np.random.default_rng(0)))
        assert found.std() == pytest.approx(MAX_SPREAD, rel=0.05)


@pytest.mark.parametrize(("num_before", "factor"), [(0, 3.0), (3, 3 ** (1 / np.e)), (50, 1.0)])
def test_an_option_weighs_less_with_each_proposal(num_before, factor):
    prior, _ = prior_of({"a": {"choice": ["x", "y"], "prior": {"y": 3}}})
    weight = prior.weigher(num_before, np.random.default_rng(0))(np.array([[0.0], [1.0]]))
    assert weight[1] / weight[0] == pytest.approx(factor)


def test_some_proposals_are_made_without_a_prior():
    prior, _ = prior_of({"a": {"choice": ["x", "y"], "prior": {"y": 3}}})
    rng = np.random.default_rng(0)
    rows = np.array([[0.0], [1.0]])
    even = [np.ptp(prior.weigher(0, rng)(rows)) == 0.0 for _ in range(2000)]
    # The standard error of the share is .01, so this fails by chance once in a million.
    assert np.mean(even) == pytest.approx(SHARE_WITHOUT, abs=0.05)


def test_without_a_prior_nothing_is_drawn_and_all_are_alike():
    prior, encoding = prior_of({"a": {"choice": ["x", "y"]}, "b": {"float": [0.0, 1.0]}})
    rng, untouched = np.random.default_rng(3), np.random.default_rng(3)
    rows = encoding.draw(5, np.random.default_rng(0))
    assert not prior.is_told
    assert prior.weigher(4, rng)(rows).tolist() == [1.0] * 5
    assert prior.likely(rows).tolist() == [0, 1, 2, 3, 4]
    assert rng.random() == untouched.random()


def test_a_pool_holds_more_of_what_is_expected_to_be_good():
    prior, encoding = prior_of({"a": {"choice": ["x", "y"], "prior": {"y": 3}}})
    rng = np.random.default_rng(0)
    rows = prior.draw(lambda count: encoding.draw(count, rng), 1024, rng)
    # Three of four; the standard error of a share of 256 is .027.
    assert len(rows) == 256
    assert rows.mean() == pytest.approx(0.75, abs=0.12)


@pytest.mark.parametrize(
    ("slope", "least", "most"), [(-1.0, 1.0, 1.0), (0.0, 0.9, 1.0), (1.0, 0.0, 0.01)]
)
def test_results_against_a_prior_take_its_word_and_none_for_it_are_needed(slope, least, most):
    prior, encoding = prior_of(
        {"a": {"float": [0.0, 1.0], "prior": 0.2}, "b": {"float": [0.0, 1.0]}}
    )
    rows = encoding.draw(40, np.random.default_rng(0))
    model = Posterior(KERNEL, KERNEL.prior_mean, rows[:, 1:], slope * prior(rows))
    assert least - 1e-9 <= prior.trust([model], rows) <= most + 1e-9
    right = Posterior(KERNEL, KERNEL.prior_mean, rows[:, 1:], -prior(rows))
    assert prior.trust([model, right], rows) == 1.0  # one objective is enough


def test_results_that_are_all_alike_to_the_prior_say_nothing_of_it():
    prior, _ = prior_of({"a": {"choice": ["x", "y"], "prior": {"y": 3}}})
    rows = np.zeros((3, 1))
    model = Posterior(KERNEL, KERNEL.prior_mean, np.array([[0.1], [0.5], [0.9]]), np.arange(3.0))
    assert prior.trust([model], rows) == 1.0
