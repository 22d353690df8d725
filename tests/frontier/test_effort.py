import time

import optuna
import pytest

from nas.frontier.effort import DIVISOR_KEY, Effort, divisor_for
from nas.frontier.sampler import FrontierSampler
from nas.sampling.distributions import flat_distributions
from nas.space.facts import Facts
from nas.space.space import SearchSpace

LAYERS = SearchSpace({f"l{i}": {"choice": ["a", "b", "c"]} for i in range(12)})
SMALL = SearchSpace({f"l{i}": {"choice": ["a", "b", "c"]} for i in range(4)})
LOOK_S = 0.003


class Counted:
    """Facts that take a while, and a count of how often they were asked for."""

    def __init__(self, look_s=LOOK_S):
        self.num_candidates = 0
        self._look_s = look_s

    def __call__(self, architecture):
        self.num_candidates += 1
        time.sleep(self._look_s)
        return Facts(sum("abc".index(v) for v in architecture.values()) / 10, architecture.id)


def open_study(space, facts):
    sampler = FrontierSampler(space, facts, seed=0)
    return optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)


def run(study, space, num_trials):
    for _ in range(num_trials):
        trial = study.ask(flat_distributions(space))
        size = sum("abc".index(v) for v in trial.params.values())
        study.tell(trial, [float(size), 10.0**size])


@pytest.mark.parametrize(
    ("look_s", "divisor"),
    [(0.0, 1), (0.002, 1), (0.0021, 2), (0.02, 16), (0.05, 32), (0.5, 64), (60.0, 64)],
)
def test_thrift_doubles_with_what_a_look_costs(look_s, divisor):
    assert divisor_for(look_s) == divisor


def test_effort_falls_with_thrift_but_not_below_a_search():
    effort = Effort(num_candidates=600, pool_size=1024, num_rounds=25, max_enumerated=40_000)
    assert effort.reduced(1) == effort
    assert effort.reduced(4) == Effort(150, 256, 6, 4000)
    assert effort.reduced(64) == Effort(40, 128, 4, 250)


def test_effort_that_is_small_stays_as_it_is():
    effort = Effort(num_candidates=10, pool_size=20, num_rounds=2, max_enumerated=30)
    assert effort.reduced(64) == effort


def test_a_thrifty_ask_takes_fewer_looks():
    counts = []
    for divisor in (8, 1):
        facts = Counted(look_s=0.0)
        study = open_study(LAYERS, facts)
        study._storage.set_study_system_attr(study._study_id, DIVISOR_KEY, divisor)
        run(study, LAYERS, 5)
        before = facts.num_candidates
        run(study, LAYERS, 2)
        counts.append((facts.num_candidates - before) / 2)
    assert counts[0] <= 500 / 8 < 200 < counts[1]


def test_a_small_space_of_dear_looks_is_still_gone_through_as_a_whole():
    facts = Counted()
    study = open_study(SMALL, facts)
    run(study, SMALL, 5)
    assert facts.num_candidates == 3**4 + 5  # each once, and those that were timed


def test_thrift_is_noted_with_the_study_and_kept_on_a_faster_machine():
    study = open_study(SMALL, Counted())
    run(study, SMALL, 1)
    study_attribute = study._storage.get_study_system_attrs(study._study_id)[DIVISOR_KEY]
    assert study_attribute > 1

    faster = Counted(look_s=0.0)
    study.sampler = FrontierSampler(SMALL, faster, seed=0)
    run(study, SMALL, 1)

    assert study._storage.get_study_system_attrs(study._study_id)[DIVISOR_KEY] == study_attribute
    assert faster.num_candidates == 3**4  # nothing was timed
