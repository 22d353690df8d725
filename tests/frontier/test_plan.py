import numpy as np
import optuna
import pytest

from nas.frontier.aim import Aim
from nas.frontier.candidates import CandidatePool
from nas.frontier.effort import Effort
from nas.frontier.goals import Goals
from nas.frontier.noise import ReadingNoise
from nas.frontier.observations import Observations
from nas.frontier.plan import CandidatePlan
from nas.frontier.surrogates import Surrogates
from nas.sampling.distributions import flat_distributions
from nas.space.facts import Facts
from nas.space.space import SearchSpace

SPACE = SearchSpace({f"e{i}": {"choice": [0, 1, 2, 3]} for i in range(4)})
EFFORT = Effort(num_candidates=100, pool_size=100, num_rounds=5, max_enumerated=1000)


def facts(architecture):
    return Facts(float(sum(architecture.values())), architecture.id)


def plain(size, number):
    return size / 13.0


def lucky(size, number):
    """One network of middling size reads as the best of all."""
    return 0.97 if number == 7 else 0.5 + size / 40.0


def observed(num_complete, num_running, accuracy=plain):
    """Return what a study of so many trials shows, and the pool that describes it."""
    pool = CandidatePool(SPACE, facts, is_allowed=None, seed=0, effort=EFFORT)
    seen = Observations(SPACE, pool.encoding, describe=pool.describe, gather=pool.gather)
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    for number in range(num_complete + num_running):
        trial = study.ask(flat_distributions(SPACE))
        size = float(sum(trial.params.values()))
        if number < num_complete:
            study.tell(trial, [accuracy(size, number), size])
    seen.update(study, asking=num_complete + num_running)
    return seen, pool


@pytest.mark.parametrize(("num_picks", "num_on_front"), [(1, 10), (2, 17)])
def test_running_trials_count_on_the_front_where_one_plan_serves_many_asks(
    num_picks, num_on_front
):
    plan = plan_of(*observed(num_complete=10, num_running=7), num_picks=num_picks)

    assert plan.front.shape == (num_on_front, 2)


def plan_of(seen, pool, *, num_picks=1, noise=None):
    return CandidatePlan(
        seen,
        pool,
        Surrogates(pool.embedding.kernel, seed=0, noise=noise),
        Goals(is_static=(False, True), signs=(-1.0, 1.0)),
        Aim(),
        num_candidates=100,
        num_picks=num_picks,
        rng=np.random.default_rng(0),
        noise=noise,
    )


def loss_of_the_lucky(noise):
    return plan_of(*observed(30, 0, lucky), noise=noise).front[7, 0]


def test_a_lucky_reading_is_believed_the_less_the_fewer_examples_it_was_read_on():
    exact, many, few = map(loss_of_the_lucky, (None, ReadingNoise((1000,)), ReadingNoise((20,))))

    assert exact < many < few < 0.5 * exact


def test_exact_readings_are_believed_as_they_are():
    losses = plan_of(*observed(30, 0, lucky)).front[:, 0]

    assert losses.mean() == pytest.approx(0.0)
    assert losses.argmin() == 7
