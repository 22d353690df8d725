"""What is expected of a whole training, given rungs."""

import numpy as np
import pytest

from nas.frontier.gaussian_process import Kernel, Posterior
from nas.frontier.step_model import Seen, StepPosterior, Steps, fit_line, steps_of

KERNEL = Kernel((slice(0, 1),), ((0,),), (1.0,))
# One weight, one amplitude, the noise.
THETA = np.log([4.0, 1.0, 0.1])
PLACES = np.array([[0.0], [0.3], [0.7]])


def seen_at(rungs, targets, *, places=PLACES, keys=None):
    numbers = np.arange(len(places)) if keys is None else np.array(keys)
    return Seen(places, numbers, np.array(rungs), np.array(targets))


def test_with_whole_trainings_alone_the_mean_is_that_of_the_plain_process():
    steps = Steps(np.array([1.0]), np.array([0.1]))
    targets = [0.5, -0.2, 1.0]
    query = np.array([[0.1], [0.9]])

    mean, _ = StepPosterior(KERNEL, THETA, steps, seen_at([0, 0, 0], targets)).predict(query)

    expected, _ = Posterior(KERNEL, THETA, PLACES, np.array(targets)).predict(query)
    assert mean == pytest.approx(expected, abs=1e-6)


def test_a_rung_tells_its_own_network_more_than_one_that_is_like_it():
    steps = steps_of([0.1], variance=1.0, noise=0.3, shared=0.5)
    model = StepPosterior(KERNEL, THETA, steps, seen_at([0, 0, 0], [-1.0, 0.0, 0.0]))
    place = PLACES[:1]

    own_mean, own_sd, _ = model.foresee(place, np.array([0]), 1)
    like_mean, like_sd, _ = model.foresee(place, None, 1)

    assert own_mean[0] < like_mean[0] < 0.0
    assert own_sd[0] < like_sd[0]


def test_what_a_rung_tells_and_what_is_left_are_those_of_the_joint_normal():
    # One network, nothing seen but another far away: the prior, in closed form.
    steps = Steps(np.array([1.0, 1.5]), np.array([0.1, 0.4]))
    far = np.array([[1e6]])
    model = StepPosterior(KERNEL, THETA, steps, seen_at([1], [0.0], places=far))

    _, sd, told = model.foresee(np.array([[0.0]]), None, 0)

    # The last step's own part, 0.3, is foretold by nothing and left out.
    variance, shared, at_rung = 1.5 + 0.1, 1.0 + 0.1, 1.0 + 0.1
    assert sd[0] ** 2 == pytest.approx(variance)
    assert told[0] == pytest.approx(shared / np.sqrt(at_rung))


def test_the_last_rung_tells_all():
    steps = steps_of([0.2], variance=1.0, noise=0.1, shared=0.5)
    model = StepPosterior(KERNEL, THETA, steps, seen_at([0, 1, 0], [0.1, 0.2, 0.3]))

    _, sd, told = model.foresee(PLACES, np.arange(3), 1)

    assert told == pytest.approx(sd)


def test_what_runs_lowers_the_uncertainty_and_moves_no_mean():
    steps = steps_of([0.2], variance=1.0, noise=0.1, shared=0.5)
    model = StepPosterior(KERNEL, THETA, steps, seen_at([0, 1, 0], [0.1, 0.2, 0.3]))
    query = np.array([[0.5]])

    after = model.expecting(query)

    assert after.predict(query)[0] == pytest.approx(model.predict(query)[0], abs=1e-6)
    assert after.predict(query)[1][0] < model.predict(query)[1][0]


def test_a_line_through_many_pairs_is_their_regression():
    rng = np.random.default_rng(0)
    lower = rng.normal(size=3000)
    higher = 0.5 + 2.0 * lower + rng.normal(scale=0.3, size=3000)

    line = fit_line(lower, higher, spread=1.0)

    assert line.slope == pytest.approx(2.0, abs=0.02)
    assert line.offset == pytest.approx(0.5, abs=0.02)
    assert line.residue == pytest.approx(0.09, abs=0.01)


def test_choosing_who_goes_on_by_the_lower_rung_does_not_bend_the_line():
    rng = np.random.default_rng(1)
    lower = rng.normal(size=20_000)
    higher = 0.8 * lower + rng.normal(scale=0.6, size=20_000)
    best = lower < np.quantile(lower, 0.1)

    line = fit_line(lower[best], higher[best], spread=1.0)

    # 2,000 pairs: the standard error is 0.6 / (0.41 * 45) = 0.03.
    assert line.slope == pytest.approx(0.8, abs=0.12)


def test_without_pairs_a_loss_is_expected_to_stay():
    line = fit_line(np.empty(0), np.empty(0), spread=2.0)

    assert (line.slope, line.offset) == (1.0, 0.0)
    assert line.residue > 0.0
