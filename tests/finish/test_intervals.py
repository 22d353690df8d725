"""Intervals of a few retrainings."""

import math

import numpy as np
import pytest
from scipy import stats

from nas.finish.intervals import differs_by, estimate_shares, fit_prior, sampling_std


def test_one_winner_gets_students_interval_of_its_own():
    values = [0.90, 0.92, 0.95]
    num_examples = 10**6  # so many that the step between shares is nothing

    (estimate,) = estimate_shares([values], num_examples=num_examples)

    quantile, spread = stats.t.ppf(0.975, 2), np.std(values, ddof=1)
    assert estimate.mean == pytest.approx(np.mean(values))
    assert estimate.half_confidence == pytest.approx(quantile * spread / math.sqrt(3), rel=1e-6)
    assert estimate.half_prediction == pytest.approx(
        quantile * spread * math.sqrt(4 / 3), rel=1e-6
    )


def test_equal_accuracies_do_not_promise_an_interval_without_width():
    (estimate,) = estimate_shares([[0.9, 0.9, 0.9]], num_examples=100)

    step = 1 / 100 / math.sqrt(12)
    assert estimate.half_prediction == pytest.approx(
        stats.t.ppf(0.975, 2) * step * math.sqrt(4 / 3)
    )


def test_one_retraining_has_no_interval():
    (estimate,) = estimate_shares([[0.9]], num_examples=100)

    assert estimate.mean == 0.9
    assert math.isnan(estimate.half_confidence)
    assert math.isnan(estimate.half_prediction)
    assert all(map(math.isnan, (*estimate.confidence, *estimate.prediction)))


def test_intervals_stay_within_what_a_share_can_be():
    (estimate,) = estimate_shares([[0.99, 1.0, 0.98]], num_examples=100)

    assert estimate.prediction[1] == 1.0
    assert 0.0 <= estimate.prediction[0] < 0.99


def test_prior_of_equal_spreads_borrows_all_that_the_others_know():
    prior = fit_prior([2.0] * 10, [2] * 10)

    assert prior.dof == 18  # the nine others, two each
    # exp(mean log s2 - digamma(1) + log 1), and digamma(1) is minus Euler's constant
    assert prior.dispersion == pytest.approx(2.0 * math.exp(np.euler_gamma))


def test_prior_finds_the_distribution_that_dispersions_were_drawn_from():
    rng = np.random.default_rng(0)
    prior_dof, dof, typical = 8.0, 4, 3.0
    true = prior_dof * typical / rng.chisquare(prior_dof, size=4000)
    seen = true * rng.chisquare(dof, size=4000) / dof

    prior = fit_prior(seen.tolist(), [dof] * 4000)

    assert prior.dispersion == pytest.approx(typical, rel=0.1)
    assert prior.dof == pytest.approx(prior_dof, rel=0.3)


def test_prediction_intervals_cover_further_retrainings_as_often_as_they_say():
    # 40 sets of 20 winners, 3 retrainings and 5 further ones: 4000 checks, which share intervals
    # in fives; counting the 800 intervals as independent, sigma is sqrt(.95 * .05 / 800) = 0.8
    # points.
    rng = np.random.default_rng(1)
    num_examples, inside, checks = 445, 0, 0
    for _ in range(40):
        means = rng.uniform(0.85, 0.99, size=20)
        spreads = 0.008 * np.sqrt(8 / rng.chisquare(8, size=20))
        drawn = rng.normal(means[:, None], spreads[:, None], size=(20, 8)).clip(0, 1)
        counted = np.round(drawn * num_examples) / num_examples
        for estimate, further in zip(
            estimate_shares(counted[:, :3].tolist(), num_examples=num_examples),
            counted[:, 3:],
            strict=True,
        ):
            low, high = estimate.prediction
            inside += int(((further >= low) & (further <= high)).sum())
            checks += len(further)

    assert 0.92 < inside / checks < 0.98


def test_difference_that_chance_explains_follows_welch():
    one, other = estimate_shares([[0.90, 0.92, 0.94]], num_examples=10**6) + estimate_shares(
        [[0.80, 0.80, 0.83]], num_examples=10**6
    )

    interval = stats.ttest_ind(one.values, other.values, equal_var=False).confidence_interval()

    assert differs_by(one, other) == pytest.approx((interval.high - interval.low) / 2, rel=1e-5)


def test_sampling_deviation_is_the_binomial_one():
    assert sampling_std(0.5, num_examples=100) == pytest.approx(0.05)
