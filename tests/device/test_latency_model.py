"""Predictions of an invented device whose times are known."""

import numpy as np
import pytest
from parts.devices import convolution, network_ms, operator_ms, random_counts

from nas.device.latency_model import fit_latency_model
from nas.device.validation import (
    cross_validated,
    fitted_line,
    line_through,
    prediction_error,
    rank_correlation,
)


def networks(number, seed=0):
    rng = np.random.default_rng(seed)
    return [random_counts(rng) for _ in range(number)]


def times(counts, *, noise=0.0, seed=1):
    rng = np.random.default_rng(seed)
    exact = np.array([network_ms(one) for one in counts])
    return exact * np.exp(noise * rng.normal(size=len(exact)))


def predictions(model, counts):
    return np.array([model.predict(one) for one in counts])


@pytest.mark.parametrize(("number", "error"), [(10, 0.15), (20, 0.08), (50, 0.03)])
def test_a_few_networks_tell_the_times_of_others(number, error):
    measured, others = networks(number), networks(100, seed=7)
    model = fit_latency_model(measured, list(times(measured, noise=0.01)))
    found = prediction_error(predictions(model, others), times(others))
    assert found.median_error < error
    assert found.rank_correlation > 0.95


def test_the_model_is_better_than_a_line_through_products():
    measured, others = networks(20), networks(100, seed=7)
    model = fit_latency_model(measured, list(times(measured, noise=0.02)))
    macs = [
        np.array([sum(n * o.num_macs for o, n in c.items()) for c in side], dtype=float)
        for side in (measured, others)
    ]
    line = fitted_line(macs[0], times(measured), macs[1])
    ours = prediction_error(predictions(model, others), times(others))
    rival = prediction_error(line, times(others))
    assert ours.median_error < rival.median_error / 2
    assert ours.rank_correlation > rival.rank_correlation


def test_one_measurement_that_is_wrong_by_ten_times_does_little_harm():
    measured, others = networks(20), networks(100, seed=7)
    values = times(measured, noise=0.01)
    values[3] *= 10
    model = fit_latency_model(measured, list(values))
    assert prediction_error(predictions(model, others), times(others)).median_error < 0.1


def test_an_operator_that_was_never_measured_takes_what_similar_ones_take():
    measured = networks(50)
    model = fit_latency_model(measured, list(times(measured)))
    between = convolution(24, 128)  # channels and positions between those that occur
    assert between not in {operator for one in measured for operator in one}
    assert model.operator_ms(between) == pytest.approx(operator_ms(between), rel=0.35)


def test_a_device_that_resembles_a_known_one_needs_fewer_networks():
    many, few, others = networks(60, seed=3), networks(10), networks(100, seed=7)
    known = fit_latency_model(many, list(times(many)))
    slower = list(2.5 * times(few, noise=0.03))
    alone = fit_latency_model(few, slower)
    helped = fit_latency_model(few, slower, known=[known])
    truth = 2.5 * times(others)
    with_help = prediction_error(predictions(helped, others), truth).median_error
    without = prediction_error(predictions(alone, others), truth).median_error
    assert with_help < 0.05
    assert with_help < without


def test_times_in_another_unit_change_nothing_but_the_unit():
    measured, other = networks(15), networks(1, seed=9)[0]
    values = times(measured, noise=0.02)
    one = fit_latency_model(measured, list(values)).predict(other)
    thousand = fit_latency_model(measured, list(1000 * values)).predict(other)
    assert thousand == pytest.approx(1000 * one, rel=1e-6)


def test_cross_validation_predicts_each_network_by_the_others():
    measured = networks(20)
    values = times(measured, noise=0.02)
    values[4] *= 3  # seen by nobody who predicts it
    found = cross_validated(measured, values)
    assert found[4] == pytest.approx(values[4] / 3, rel=0.25)


def test_a_line_predicts_what_lies_on_it():
    costs = np.arange(1.0, 21.0)
    assert line_through(costs, 3 + 2 * costs) == pytest.approx(3 + 2 * costs)


def test_ranks_of_one_value_have_no_correlation():
    assert np.isnan(rank_correlation(np.ones(3), np.arange(3.0)))


def test_errors_are_shares_and_the_high_one_looks_at_those_that_take_longer():
    measured = np.array([10.0] * 10)
    predicted = np.array([10.0] * 8 + [5.0, 20.0])
    found = prediction_error(predicted, measured)
    assert (found.share_close, found.median_error) == (0.8, 0.0)
    assert found.high_error == pytest.approx(1.0)  # the ninth of ten: 10 in place of 5
