"""Predictions of an invented device whose times are known."""

from dataclasses import replace

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


def padded_ms(counts):
    """A device that computes 16 channels at a time: others of them wait."""
    return sum(
        n * (0.01 + o.positions * (-(-o.channels // 16) * 16) ** 2 * o.kernel / 1e6)
        for o, n in counts.items()
    )


def test_channels_that_do_not_fill_vector_registers_are_learned_to_be_slow():
    rng = np.random.default_rng(0)
    drawn = [
        {
            convolution(int(c), 64, kernel=1): int(rng.integers(1, 4))
            for c in rng.choice([24, 32, 33, 37, 40, 48, 49, 50, 64, 70], size=4, replace=False)
        }
        for _ in range(130)
    ]
    values = [padded_ms(one) for one in drawn]
    model = fit_latency_model(drawn[:30], values[:30])
    error = prediction_error(predictions(model, drawn[30:]), np.array(values[30:]))
    assert error.median_error < 0.04
    assert model.operator_ms(convolution(33, 64, kernel=1)) > 1.2 * model.operator_ms(
        convolution(32, 64, kernel=1)
    )


def test_a_model_of_an_earlier_version_predicts_by_what_it_knows():
    measured, others = networks(30), networks(50, seed=7)
    model = fit_latency_model(measured, list(times(measured)))
    uses = model.log_variances[:-2].reshape(3, 4)
    earlier = replace(model, log_variances=np.append(uses[:, :3], model.log_variances[-2:]))
    without = replace(
        model,
        log_variances=np.append(
            np.column_stack([uses[:, :3], np.full(3, -60.0)]), model.log_variances[-2:]
        ),
    )
    assert predictions(earlier, others) == pytest.approx(predictions(without, others), rel=1e-6)


def test_the_time_of_operators_together_is_the_sum_of_their_times():
    measured = networks(20)
    model = fit_latency_model(measured, list(times(measured)))
    counts = networks(1, seed=5)[0]
    alone = sum(count * model.operator_ms(operator) for operator, count in counts.items())
    assert model.operators_ms(counts) == pytest.approx(alone)
    assert model.network_ms(alone) == pytest.approx(model.predict(counts))
