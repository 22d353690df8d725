import numpy as np
import optuna
import pytest

from nas.frontier.aim import Aim
from nas.frontier.candidates import CandidatePool
from nas.frontier.effort import Effort
from nas.frontier.goals import Goals
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


def observed(num_complete, num_running):
    """Return what a study of so many trials shows, and the pool that describes it."""
    pool = CandidatePool(SPACE, facts, is_allowed=None, seed=0, effort=EFFORT)
    seen = Observations(SPACE, pool.encoding, describe=pool.describe, gather=pool.gather)
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    for number in range(num_complete + num_running):
        trial = study.ask(flat_distributions(SPACE))
        size = float(sum(trial.params.values()))
        if number < num_complete:
            study.tell(trial, [size + 0.1 * trial.params["e0"], size])
    seen.update(study, asking=num_complete + num_running)
    return seen, pool


@pytest.mark.parametrize(("num_picks", "num_on_front"), [(1, 10), (2, 17)])
def test_running_trials_count_on_the_front_where_one_plan_serves_many_asks(
    num_picks, num_on_front
):
    seen, pool = observed(num_complete=10, num_running=7)

    plan = CandidatePlan(
        seen,
        pool,
        Surrogates(pool.embedding.kernel, seed=0),
        Goals(is_static=(False, True), signs=(-1.0, 1.0)),
        Aim(),
        num_candidates=100,
        num_picks=num_picks,
        rng=np.random.default_rng(0),
    )

    assert plan.front.shape == (num_on_front, 2)
