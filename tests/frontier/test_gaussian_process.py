import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import multivariate_normal

from nas.frontier.gaussian_process import (
    JITTER,
    Evidence,
    Kernel,
    Posterior,
    equal_blocks,
    fit,
)

KERNEL = Kernel(equal_blocks([2, 1, 3]), ((0, 1), (1, 2)), (0.5, 0.3, 1.0))


def data(count, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.random((count, 6))
    return features, np.sin(5 * features[:, 0]) + features[:, 4] + 0.1 * rng.normal(size=count)


def thetas(seed=0):
    rng = np.random.default_rng(seed)
    return KERNEL.prior_mean + 0.5 * rng.normal(size=len(KERNEL.prior_mean))


def test_gradient_of_the_evidence_is_that_of_finite_differences():
    evidence = Evidence(KERNEL, *data(20))
    theta = thetas()

    _, gradient = evidence(theta)

    numeric = approx_fprime(theta, lambda t: evidence(t)[0], 1e-6)
    assert gradient == pytest.approx(numeric, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("known_noise", [np.zeros(12), np.linspace(0.0, 2.0, 12)])
def test_evidence_is_the_density_of_a_multivariate_normal(known_noise):
    features, targets = data(12)
    first, second = thetas(1), thetas(2)

    def direct(theta):
        matrix = KERNEL.covariance(features, features, theta)
        matrix += (KERNEL.split(theta)[2] + JITTER) * np.eye(12) + np.diag(known_noise)
        offset = (theta - KERNEL.prior_mean) / KERNEL.prior_sd
        return -multivariate_normal(cov=matrix).logpdf(targets) + 0.5 * offset @ offset

    evidence = Evidence(KERNEL, features, targets, known_noise)
    assert evidence(first)[0] - evidence(second)[0] == pytest.approx(
        direct(first) - direct(second)
    )


def test_covariance_is_the_sum_of_its_terms():
    (a,), _ = data(1, seed=1)
    (b,), _ = data(1, seed=2)
    (w0, w1, v1, v2, a0, a1, _) = np.exp(thetas())
    gap = (a - b) ** 2
    near = np.sqrt(w0 * gap[:2].sum() + w1 * gap[2])
    far = np.sqrt(v1 * gap[2] + v2 * gap[3:].sum())

    def matern(r):
        return (1 + np.sqrt(5) * r + 5 * r**2 / 3) * np.exp(-np.sqrt(5) * r)

    expected = a0 * matern(near) + a1 * matern(far)

    found = KERNEL.covariance(a[None], b[None], thetas())

    assert found[0, 0] == pytest.approx(expected)


@pytest.mark.parametrize("known_noise", [np.zeros(15), np.linspace(0.0, 2.0, 15)])
def test_prediction_is_the_conditional_of_the_joint_normal(known_noise):
    features, targets = data(15)
    new, _ = data(4, seed=9)
    theta = thetas()
    matrix = KERNEL.covariance(features, features, theta)
    matrix += (KERNEL.split(theta)[2] + JITTER) * np.eye(15) + np.diag(known_noise)
    cross = KERNEL.covariance(new, features, theta)

    mean, sd = Posterior(KERNEL, theta, features, targets, known_noise).predict(new)

    assert mean == pytest.approx(cross @ np.linalg.solve(matrix, targets))
    variance = KERNEL.variance(theta) - np.diag(cross @ np.linalg.solve(matrix, cross.T))
    assert sd**2 == pytest.approx(variance)


def test_slope_is_that_of_generalised_least_squares_with_a_constant():
    rng = np.random.default_rng(4)
    features, targets, direction = rng.random((9, 6)), rng.normal(size=9), rng.normal(size=9)
    posterior = Posterior(KERNEL, KERNEL.prior_mean, features, targets)
    covariance = KERNEL.covariance(features, features, KERNEL.prior_mean)
    inverse = np.linalg.inv(covariance + posterior.noise * np.eye(9))
    regressors = np.column_stack([np.ones(9), direction])
    information = regressors.T @ inverse @ regressors

    slope, error = posterior.slope(direction)

    assert slope == pytest.approx(
        np.linalg.solve(information, regressors.T @ inverse @ targets)[1]
    )
    assert error == pytest.approx(np.linalg.inv(information)[1, 1] ** 0.5)
    assert posterior.slope(np.full(9, 2.5)) == (0.0, np.inf)


def test_expecting_equals_seeing_the_mean():
    features, targets = data(15)
    more, _ = data(5, seed=3)
    new, _ = data(6, seed=4)
    posterior = Posterior(KERNEL, thetas(), features, targets)

    grown = posterior.expecting(more[:2]).expecting(more[2:])

    both = np.vstack([features, more])
    whole = Posterior(KERNEL, thetas(), both, np.append(targets, posterior.mean(more)))
    for found, expected in zip(grown.predict(new), whole.predict(new), strict=True):
        assert found == pytest.approx(expected, abs=1e-8)


def test_expecting_nothing_changes_nothing():
    posterior = Posterior(KERNEL, thetas(), *data(5))
    assert posterior.expecting(np.empty((0, 6))) is posterior


def test_fit_finds_more_probable_hyperparameters_and_the_columns_that_matter():
    rng = np.random.default_rng(0)
    features = rng.random((60, 2))
    targets = np.sin(9 * features[:, 0])
    targets = (targets - targets.mean()) / targets.std()
    kernel = Kernel(equal_blocks([1, 1]), ((0, 1),), (0.5, 0.5))

    theta = fit(kernel, features, targets)

    evidence = Evidence(kernel, features, targets)
    assert evidence(theta)[0] < evidence(kernel.prior_mean)[0]
    assert theta[0] > theta[1]
