import numpy as np
import pytest

from nas.frontier.acquisition import expected_hypervolume_improvement, undominated_boxes
from nas.frontier.candidates import CandidateBatch
from nas.frontier.gaussian_process import JITTER, Kernel, Posterior, equal_blocks
from nas.frontier.greedy_batch import GreedyBatch, ScoredCandidates
from nas.frontier.noise import told

KERNEL = Kernel(equal_blocks([1, 1, 1]), ((0, 1, 2),), (1.0, 1.0, 1.0))
REFERENCE = np.array([2.0, 1.2])
WIDENING = 0.7


def problem(num_candidates):
    """Return candidates, a model of their first loss (the second is known), and a front."""
    rng = np.random.default_rng(0)
    seen = rng.random((12, 3))
    losses = seen.sum(axis=1) - seen.sum(axis=1).mean()
    model = Posterior(KERNEL, KERNEL.prior_mean, seen, losses)
    features = rng.random((num_candidates, 3))
    size = rng.random(num_candidates)
    mean, sd = model.predict(features)
    batch = CandidateBatch(
        rows=features,
        keys=np.arange(num_candidates),
        features=features,
        static=size[:, None],
        is_allowed=np.ones(num_candidates, dtype=bool),
    )
    front = np.column_stack([losses, rng.random(12)])
    return (
        batch,
        np.column_stack([mean, size]),
        np.column_stack([sd, np.zeros(num_candidates)]),
        model,
        front,
    )


def noise(num_candidates):
    """Return the variances of readings; of the second objective they are exact."""
    rng = np.random.default_rng(1)
    readings = rng.random(num_candidates) + KERNEL.split(KERNEL.prior_mean)[2] + JITTER
    return np.column_stack([readings, np.zeros(num_candidates)])


def gains(front, mean, sd):
    boxes = undominated_boxes(front, reference=REFERENCE)
    moved = WIDENING * told(sd, noise(len(sd)))
    return expected_hypervolume_improvement(boxes, mean=mean, sd=moved)


def open_picks(num_candidates, weight=None):
    batch, mean, sd, model, front = problem(num_candidates)
    gain, own = gains(front, mean, sd), np.ones(num_candidates) if weight is None else weight
    return GreedyBatch(
        ScoredCandidates(batch, mean, sd.copy(), noise(num_candidates), gain, own),
        [model],
        measured=[0],
        front=front,
        reference=REFERENCE,
        warps={},
        bounds=np.full(2, np.inf),
        widening=WIDENING,
    )


def test_the_picks_are_those_of_working_out_every_gain_each_time():
    batch, mean, sd, model, front = problem(200)
    expected = []
    for _ in range(40):
        gain = gains(front, mean, sd)
        gain[expected] = -1.0
        best = int(np.argmax(gain))
        expected.append(best)
        front = np.vstack([front, mean[best]])
        known = noise(200)[[best], 0] - model.noise
        model = model.expecting(batch.features[[best]], known)
        sd[:, 0] = model.predict(batch.features)[1]

    picks = open_picks(200)
    found = [picks.next(()) for _ in range(40)]

    assert np.array_equal(found, batch.rows[expected])


def test_weights_decide_among_gains():
    batch, mean, sd, _, front = problem(50)
    gain = gains(front, mean, sd)
    weight = np.where(np.arange(50) == 7, 1e6, 1.0)

    picks = open_picks(50, weight)

    assert gain[7] > 0
    assert np.argmax(gain) != 7
    assert picks.best_gain == gain[7]
    assert np.array_equal(picks.next(()), batch.rows[7])


def test_known_networks_are_passed_over_and_none_comes_twice():
    picks = open_picks(10)
    first = picks.next(())
    known = {3, 4, 5}

    rest = [picks.next(known) for _ in range(7)]

    batch = problem(10)[0]
    keys = [int(np.flatnonzero((batch.rows == row).all(axis=1))[0]) for row in [first, *rest[:6]]]
    assert len(set(keys)) == 7
    assert not known & set(keys[1:])


@pytest.mark.parametrize("num_candidates", [0, 3])
def test_none_comes_when_none_is_left(num_candidates):
    assert open_picks(num_candidates).best_gain >= 0.0
    picks = open_picks(num_candidates)
    for _ in range(num_candidates):
        assert picks.next(()) is not None
    assert picks.next(()) is None
