"""How many threads an ask computes with."""

import optuna
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from nas.frontier.sampler import FrontierSampler
from nas.sampling.distributions import flat_distributions
from nas.space.facts import Facts
from nas.space.space import SearchSpace

SPACE = SearchSpace({"layers": {"int": [1, 50]}})


def num_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_an_ask_computes_with_one_thread_and_leaves_the_others_as_they_were():
    seen = []

    def facts(architecture):
        seen.append(num_threads())
        return Facts(float(architecture["layers"]), architecture.id)

    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=FrontierSampler(SPACE, facts, seed=0)
    )

    with threadpool_limits(limits=2, user_api="blas"):
        study.ask(flat_distributions(SPACE))
        after = num_threads()

    assert seen
    assert set().union(*seen) == {1}
    assert after == {2}
