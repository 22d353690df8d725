import math

import numpy as np
import optuna
import pytest

from nas.errors import SpaceError
from nas.frontier.candidates import CandidatePool
from nas.frontier.effort import Effort
from nas.frontier.sampler import FrontierSampler
from nas.frontier.warm_start import results_of, take_hints
from nas.pareto.dominance import front_mask
from nas.sampling.distributions import suggest
from nas.space.facts import Facts
from nas.space.space import SearchSpace

SPACE = SearchSpace({f"e{i}": {"choice": ["none", "skip", "narrow", "wide"]} for i in range(5)})
DEEP = SearchSpace(
    {
        "rate": {"float": [0.0, 1.0]},
        "channels": {"int": [1, 4000]},
        "layers": {"repeat": {"int": [1, 4]}, "kernel": {"choice": [3, 5, 7]}},
    }
)
COSTS = {"none": 0, "skip": 1, "narrow": 10, "wide": 100}
# What an operation is worth at each place; not what it costs.
WORTH = {"none": 0.0, "skip": 2.0, "narrow": 0.5, "wide": 2.5}


def size(architecture):
    return 50.0 + sum(COSTS[operation] for operation in architecture.values())


def facts(architecture):
    return Facts(math.log10(size(architecture)), architecture.id)


def quality(architecture):
    return sum(WORTH[op] * (5 - i) for i, op in enumerate(architecture.values())) / 40


def deep_facts(architecture):
    return Facts(math.log10(architecture["channels"]), architecture.id)


def drawn(space, number, seed=0):
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(number)]


def search(num_trials, *, seed=0, warm_start=()):
    sampler = FrontierSampler(SPACE, facts, seed=seed, warm_start=warm_start)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)

    def objective(trial):
        architecture = suggest(trial, SPACE)
        return quality(architecture), size(architecture)

    study.optimize(objective, n_trials=num_trials)
    return study


def area(study):
    """Return the area below the front, over log size from 50 to 550."""
    values = np.array([trial.values for trial in study.trials])
    front = values[front_mask(values * [-1, 1])]
    front = front[np.argsort(front[:, 1])]
    widths = np.diff(np.log([*front[:, 1], 551.0]))
    return float(widths @ front[:, 0])


# Another scale, a little noise: a search with other data.
EARLIER = [
    (architecture, 300 + 70 * quality(architecture) + noise)
    for architecture, noise in zip(
        drawn(SPACE, 40), np.random.default_rng(1).normal(size=40), strict=True
    )
]
NONSENSE = [
    (architecture, value)
    for (architecture, _), (_, value) in zip(EARLIER, EARLIER[::-1], strict=True)
]


def test_an_earlier_search_spares_trainings():
    warm = [area(search(6, seed=seed, warm_start=[EARLIER])) for seed in range(8)]
    cold = [area(search(6, seed=seed)) for seed in range(8)]

    assert min(warm) > max(cold)


def test_nonsense_is_not_believed_for_long():
    misled = [area(search(30, seed=seed, warm_start=[NONSENSE])) for seed in range(5)]
    cold = [area(search(30, seed=seed)) for seed in range(5)]

    assert np.mean(misled) > 0.98 * np.mean(cold)


def test_the_first_network_is_the_smallest_all_the_same():
    (trial,) = search(1, warm_start=[EARLIER]).trials

    assert set(trial.params.values()) == {"none"}


def test_no_network_is_asked_for_twice():
    trials = search(40, warm_start=[EARLIER, NONSENSE]).trials

    assert len({tuple(trial.params.values()) for trial in trials}) == 40


def test_after_a_restart_the_next_network_is_the_same_though_the_earlier_search_went_on():
    study = search(12, warm_start=[EARLIER])
    more = [*EARLIER, *((one, 0.0) for one in drawn(SPACE, 20, seed=5))]
    other = FrontierSampler(SPACE, facts, seed=0, warm_start=[more])

    following = suggest(study.ask(), SPACE)
    study.tell(len(study.trials) - 1, state=optuna.trial.TrialState.FAIL)
    again = optuna.create_study(directions=["maximize", "minimize"], sampler=other)
    again.add_trials(study.trials[:12])
    for key, value in study._storage.get_study_system_attrs(study._study_id).items():
        again._storage.set_study_system_attr(again._study_id, key, value)

    assert suggest(again.ask(), SPACE) == following


def candidates(space, facts):
    effort = Effort(num_candidates=100, pool_size=64, num_rounds=5, max_enumerated=2000)
    return CandidatePool(space, facts, is_allowed=None, seed=0, effort=effort)


@pytest.mark.parametrize(
    ("space", "facts", "value"),
    [(SPACE, facts, quality), (DEEP, deep_facts, lambda one: one["rate"])],
    ids=["whole", "sample"],
)
def test_hints_are_one_more_fact_that_goes_with_the_earlier_losses(space, facts, value):
    here = candidates(space, facts)
    width = here.pool.features.shape[1]
    earlier = results_of(space, [(one, value(one)) for one in drawn(space, 60)])

    take_hints(here, [earlier], sign=-1.0, seed=0)

    assert here.pool.features.shape[1] == width + 1
    assert np.array_equal(here.pool.features[:, -1], here.hints.losses)
    assert (here.hints.losses.min(), here.hints.losses.max()) == (0.0, 1.0)
    losses = [-value(here.encoding.decode(row)) for row in here.pool.rows]
    assert np.corrcoef(here.hints.losses, losses)[0, 1] > 0.9


def test_the_pool_of_a_large_space_holds_what_was_found_earlier():
    here = candidates(DEEP, deep_facts)
    earlier = results_of(DEEP, [(one, one["rate"]) for one in drawn(DEEP, 30, seed=3)])
    known = {one.id for one, _ in earlier}

    take_hints(here, [earlier], sign=-1.0, seed=0)

    assert known <= {here.encoding.decode(row).id for row in here.pool.rows}
    assert len(here.sizes) == len(here.pool) == len(here.is_left) == len(here.hints.losses)


def test_results_of_other_spaces_and_without_a_value_are_left_out():
    fitting = [(dict.fromkeys(SPACE.domains, op), 1.0) for op in ("none", "wide")]
    earlier = [
        *fitting,
        ({"e0": "none"}, 1.0),
        ({**fitting[0][0], "e0": "huge"}, 1.0),
        (fitting[0][0], math.nan),
    ]

    assert [value for _, value in results_of(SPACE, earlier)] == [1.0, 1.0]
    with pytest.raises(SpaceError, match="of the 3 results of an earlier search 0 are"):
        FrontierSampler(SPACE, facts, warm_start=[earlier[2:]])
