import numpy as np
import pytest

from nas.frontier.loss_scale import LossScale
from nas.frontier.noise import ReadingNoise, exact, told

# Accuracies of 50 to 99 %, most of them good; the worst are beyond the knot of the scale.
LOSSES = -np.array([0.5, 0.6, 0.9, 0.95, 0.96, 0.97, 0.975, 0.98, 0.985, 0.99])[:, None]


def test_a_share_of_many_examples_has_the_variance_of_a_binomial():
    noise = ReadingNoise((10_000,)).variances(np.array([[-0.9], [-0.5]]))
    assert noise[:, 0] == pytest.approx([0.9 * 0.1 / 1e4, 0.25 / 1e4], rel=1e-3)


def test_a_perfect_reading_is_uncertain_too():
    # Laplace: of 98 right ones of 98, 99 of 100 are expected to be right.
    assert ReadingNoise((98,)).variances(np.array([[-1.0]])) == pytest.approx(0.0099 / 98)


def test_objectives_whose_noise_nobody_knows_are_exact():
    losses = np.array([[-0.9, 3.0], [5.0, -0.2]])
    assert np.array_equal(exact(2).variances(losses), np.zeros((2, 2)))
    assert np.array_equal(ReadingNoise((0, 100)).variances(losses)[:, 0], np.zeros(2))


def test_on_the_scale_of_the_models_a_small_error_is_as_large_as_the_scale_is_steep():
    scale, step = LossScale(LOSSES), 1e-7
    moved = (scale(LOSSES + step) - scale(LOSSES - step)) / (2 * step)
    noise = ReadingNoise((451,))

    assert noise.on_scale(scale, LOSSES) == pytest.approx(
        noise.variances(LOSSES) * moved**2, rel=1e-4
    )


def test_what_a_reading_tells_and_what_stays_unknown_add_up_to_the_variance():
    sd, noise = np.array([0.1, 1.0, 3.0]), np.array([0.2, 0.5, 0.01])
    left = 1.0 / (1.0 / sd**2 + 1.0 / noise)  # of a normal variable after one reading
    assert told(sd, noise) ** 2 + left == pytest.approx(sd**2)


def test_an_exact_reading_tells_all_to_the_last_bit():
    sd = np.random.default_rng(0).lognormal(size=1000)
    assert np.array_equal(told(sd, np.zeros(1000)), sd)
    assert told(np.zeros(1), np.zeros(1)) == 0.0
