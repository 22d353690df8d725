import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, qmc

from nas.frontier.acquisition import expected_hypervolume_improvement, undominated_boxes
from nas.frontier.loss_scale import OutputWarp
from nas.pareto.hypervolume import hypervolume

FRONTS = {
    "two": np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]]),
    "three": np.array([[0.2, 0.8, 0.5], [0.5, 0.5, 0.2], [0.9, 0.1, 0.4], [0.4, 0.6, 0.9]]),
    "empty": np.empty((0, 2)),
}


def gain_of(point, front, reference):
    inside = front[(front <= reference).all(axis=1)]
    if (point > reference).any():
        return 0.0
    return hypervolume([*inside, point], reference=reference) - hypervolume(
        inside, reference=reference
    )


@pytest.mark.parametrize("name", FRONTS)
def test_closed_form_equals_monte_carlo(name):
    front, rng = FRONTS[name], np.random.default_rng(0)
    dimensions = front.shape[1]
    reference = np.full(dimensions, 1.1)
    mean = rng.random((3, dimensions))
    sd = np.full((3, dimensions), 0.25)
    sd[:, -1] = 0.0
    # Quantiles in place of draws: the error of a mean over 4,000 of them is far below 1e-3.
    count = 4000 if dimensions == 2 else 3000

    gain = expected_hypervolume_improvement(
        undominated_boxes(front, reference=reference), mean=mean, sd=sd
    )

    points = (
        qmc.Sobol(dimensions - 1, seed=0).random(4096)[:count]
        if dimensions == 3
        else ((np.arange(count)[:, None] + 0.5) / count)
    )
    for row in range(3):
        drawn = np.tile(mean[row], (count, 1))
        drawn[:, :-1] = norm.ppf(points.clip(1e-9, 1 - 1e-9), mean[row, :-1], 0.25)
        expected = np.mean([gain_of(point, front, reference) for point in drawn])
        assert gain[row] == pytest.approx(expected, abs=1e-3)


@settings(derandomize=True, max_examples=60)
@given(st.integers(2, 4), st.integers(0, 1000))
def test_gain_of_known_points_is_the_volume_that_they_add(dimensions, seed):
    rng = np.random.default_rng(seed)
    front = rng.integers(0, 6, (int(rng.integers(0, 8)), dimensions)).astype(float)
    points = rng.integers(0, 6, (5, dimensions)).astype(float)
    reference = np.full(dimensions, 5.0)

    boxes = undominated_boxes(front, reference=reference)

    gain = expected_hypervolume_improvement(boxes, mean=points, sd=np.zeros_like(points))
    assert gain == pytest.approx([gain_of(point, front, reference) for point in points])


@settings(derandomize=True, max_examples=40)
@given(st.integers(2, 3), st.integers(0, 1000))
def test_boxes_do_not_overlap(dimensions, seed):
    rng = np.random.default_rng(seed)
    front = rng.integers(0, 6, (int(rng.integers(0, 8)), dimensions)).astype(float)
    boxes = undominated_boxes(front, reference=np.full(dimensions, 6.0))
    inner = rng.uniform(-1.0, 6.0, (200, dimensions))

    holds = (inner[:, None] > boxes.lower) & (inner[:, None] < boxes.upper)

    dominated = (front[None] <= inner[:, None]).all(axis=2).any(axis=1)
    assert (holds.all(axis=2).sum(axis=1) == ~dominated).all()


def test_gain_of_a_certain_improvement_grows_with_its_uncertainty_only_where_it_may_lose():
    boxes = undominated_boxes(np.array([[0.5, 0.0]]), reference=np.array([1.0, 1.0]))
    mean = np.array([[0.5, 0.5], [0.5, 0.5]])
    gain = expected_hypervolume_improvement(
        boxes, mean=mean, sd=np.array([[0.1, 0.0], [0.2, 0.0]])
    )
    # E[(0.5 - Y)+] = sd / sqrt(2 pi), over a width of 0.5
    assert gain == pytest.approx(np.array([0.1, 0.2]) * 0.5 / np.sqrt(2 * np.pi))


def test_gain_on_a_bent_scale_is_the_volume_on_the_straight_one():
    places, losses = np.array([-9.0, 0.4, 0.7, 2.0]), np.array([-9.0, 0.4, 1.0, 7.5])
    warp = OutputWarp(knots=places[1:3], slopes=np.array([2.0, 5.0]))
    front, reference = np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]]), np.array([1.1, 1.1])
    mean, sd = np.array([[0.3, 0.2], [0.6, 0.05], [0.85, 0.0]]), np.array([[0.2, 0.0]] * 3)

    boxes = undominated_boxes(front, reference=reference, warps={0: warp})
    gain = expected_hypervolume_improvement(boxes, mean=mean, sd=sd)

    def straight(points):
        return np.column_stack([np.interp(points[:, 0], places, losses), points[:, 1]])

    quantiles, (corner,) = (np.arange(4000) + 0.5) / 4000, straight(reference[None])
    for row in range(3):
        drawn = np.tile(mean[row], (4000, 1))
        drawn[:, 0] = norm.ppf(quantiles, mean[row, 0], 0.2)
        volumes = [gain_of(point, straight(front), corner) for point in straight(drawn)]
        assert gain[row] == pytest.approx(np.mean(volumes), rel=2e-3)
