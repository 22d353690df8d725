"""What a search is after: trials go where they count."""

import math
from itertools import pairwise

import numpy as np
import optuna
import pytest

from nas.frontier.aim import START_QUANTILES, Aim
from nas.frontier.sampler import FrontierSampler
from nas.sampling.distributions import flat_distributions
from nas.space.facts import Facts
from nas.space.space import SearchSpace

WORTH = {"skip": 0.0, "narrow": 1.0, "wide": 1.7, "deep": 2.0}
LAYERS = SearchSpace({f"e{i}": {"choice": list(WORTH)} for i in range(5)})
LIMIT = 10.0  # of the size


def facts(architecture):
    size = 1.0 + sum(list(WORTH).index(one) for one in architecture.values())
    return Facts(size, architecture.id)


def accuracy(architecture):
    return 1.0 - math.exp(-sum(WORTH[one] for one in architecture.values()) / 4)


def searched(aim, *, num_trials=24, seed=0, limit=math.inf):
    """Return sizes and accuracies (n,) of a search, in order."""
    sampler = FrontierSampler(
        LAYERS, facts, seed=seed, aim=aim, is_allowed=lambda a: facts(a).log_size <= limit
    )
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    found = []
    for _ in range(num_trials):
        trial = study.ask(flat_distributions(LAYERS))
        architecture = LAYERS.architecture(trial.params)
        found.append((facts(architecture).log_size, accuracy(architecture)))
        study.tell(trial, (found[-1][1], 10.0 ** found[-1][0]))
    return np.array(found).T


@pytest.mark.parametrize("seed", range(3))
def test_the_best_that_fits_is_sought_near_the_limit_and_found(seed):
    best_there_is = max(accuracy(a) for a in LAYERS.enumerate() if facts(a).log_size <= LIMIT)

    sizes, accuracies = searched(Aim(is_best=True), limit=LIMIT, seed=seed)

    assert (sizes <= LIMIT).all()
    assert np.mean(sizes[4:] >= LIMIT - 2) > 0.8
    assert accuracies.max() > best_there_is - 0.02


@pytest.mark.parametrize("seed", range(3))
def test_with_a_limit_on_accuracy_hardly_a_trial_is_spent_below_it(seed):
    least = 0.8

    _, accuracies = searched(Aim(limits=(-least, math.inf)), seed=seed)

    free = searched(Aim(), seed=seed)[1]
    assert np.mean(accuracies[8:] < least) <= 0.25
    assert np.mean(accuracies[8:] < least) < np.mean(free[8:] < least)


@pytest.mark.parametrize("seed", range(3))
def test_a_floor_moves_trials_to_where_networks_are_better_than_trivial_models(seed):
    floors = ((-0.3, math.inf), (-0.7, math.inf))

    _, accuracies = searched(Aim(floors=floors), seed=seed)

    free = searched(Aim(), seed=seed)[1]
    assert np.mean(accuracies[8:] < 0.7) < np.mean(free[8:] < 0.7)


def test_a_floor_that_nothing_reaches_changes_no_proposal_but_the_first():
    high = searched(Aim(floors=((-1.0, math.inf),)))
    lower = searched(Aim(floors=((-2.0, math.inf),)))

    np.testing.assert_array_equal(high, lower)


def test_the_strictest_floor_counts_that_a_result_is_better_than():
    aim = Aim(floors=((-0.5, math.inf), (-0.8, math.inf), (-0.95, math.inf)))
    losses = np.array([[-0.7], [-0.9]])

    assert aim.worst(losses, [0]) == [-0.8]
    assert aim.worst(losses[:1], [0]) == [-0.5]
    assert aim.worst(np.array([[-0.1]]), [0]) == [math.inf]


def test_a_limit_counts_also_where_no_result_keeps_it():
    aim = Aim(limits=(-0.6, math.inf), floors=((-0.1, math.inf),))

    assert aim.worst(np.array([[-0.3]]), [0]) == [-0.6]


def test_without_a_floor_the_first_trial_is_the_smallest_and_the_best_begins_with_the_largest():
    assert Aim().start_quantiles == START_QUANTILES
    assert Aim(is_best=True).start_quantiles[0] == 1.0
    above = Aim(floors=((-0.5, math.inf),)).start_quantiles
    assert above[0] > 0
    assert all(one < other for one, other in pairwise(above))
