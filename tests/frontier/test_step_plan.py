"""The sampler says who goes on: a new network, or one that waits at its next rung."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from nas.architecture import Architecture
from nas.frontier.sampler import FrontierSampler
from nas.objective import objective_for
from nas.space.facts import Facts
from nas.space.space import SearchSpace
from nas.study.proposals import SpaceExhausted
from nas.study.study import SearchStudy
from nas.trial import TrialResult, TrialState

OBJECTIVES = (objective_for("accuracy"), objective_for("size_bytes"))
SPACE = SearchSpace({f"g{i}": {"choice": [0, 1, 2, 3]} for i in range(4)})
FEW = SearchSpace({f"g{i}": {"choice": [0, 1, 2, 3]} for i in range(2)})
SHARES = (0.1, 1.0)


class Unwritten:
    def started(self, record):
        pass

    def reached(self, record):
        pass

    def finished(self, record, variants=()):
        pass

    def noted(self, key, value):
        pass


def size_of(architecture):
    return 10.0 + sum((i + 1) * int(v) for i, v in enumerate(architecture.values()))


def accuracy_of(architecture):
    """Grows with the size, and has a part of its own that no other network tells."""
    shake = int(architecture.id[:6], 16) / 0xFFFFFF
    return 0.5 + 0.3 * size_of(architecture) / 40.0 + 0.1 * shake


@dataclass
class Way:
    study: SearchStudy
    started: int = 0
    whole: int = 0
    seconds: float = 0.0


def climb(num_steps, *, is_honest=True, seed=0, space=SPACE):
    """Search until nothing is left; a rung shows a tenth less than the end, or else noise."""
    sampler = FrontierSampler(
        space,
        lambda a: Facts(math.log10(size_of(a)), a.id),
        seed=seed,
        objectives=OBJECTIVES,
        num_candidates=50,
    )
    study = SearchStudy(
        space=space,
        make_sampler=lambda _: sampler,
        objectives=OBJECTIVES,
        costs=lambda a: {"size_bytes": size_of(a)},
        journal=Unwritten(),
        shares=SHARES,
    )
    way, rng = Way(study), np.random.default_rng(seed)
    for _ in range(num_steps):
        number = study.promotion(may_start=True) if study.has_paused else None
        try:
            spec = study.ask() if number is None else study.promote(number)
        except SpaceExhausted:
            break
        accuracy = accuracy_of(spec.architecture)
        if spec.budget < 1.0:
            accuracy = 0.9 * accuracy if is_honest else float(rng.uniform(0.4, 0.9))
        step_s = 10.0 * (spec.budget - spec.reached)
        way.seconds += step_s
        way.started += not spec.reached
        way.whole += spec.budget == 1.0
        study.tell(
            TrialResult(
                spec.number,
                spec.attempt,
                TrialState.STOPPED if spec.budget < 1.0 else TrialState.COMPLETE,
                {**spec.static_costs, "accuracy": accuracy},
                seconds=spec.spent_s + step_s,
                budget=spec.budget,
            )
        )
    return way


def test_the_first_networks_are_trained_whole():
    way = climb(8)

    assert [r.state for r in way.study.records] == [TrialState.COMPLETE] * 4


def test_more_networks_begin_than_are_trained_whole():
    way = climb(40)

    assert way.started + way.whole == 40
    assert 4 < way.whole < way.started


def test_those_that_go_on_are_better_for_their_size_than_those_that_wait():
    way = climb(60)

    def shake(record):
        return int(record.architecture.id[:6], 16) / 0xFFFFFF

    whole = [shake(r) for r in way.study.records[4:] if r.state is TrialState.COMPLETE]
    waiting = [shake(r) for r in way.study.paused]
    assert len(whole) >= 4
    assert np.mean(whole) > np.mean(waiting) + 0.15


def test_the_same_study_and_seed_give_the_same_way():
    one, other = climb(25).study.records, climb(25).study.records

    assert [(r.architecture, r.reached) for r in one] == [
        (r.architecture, r.reached) for r in other
    ]


def go_on(study):
    """Train whole what waits until the sampler says that it is enough; return how many."""
    num_gone = 0
    while (number := study.promotion(may_start=False)) is not None:
        spec = study.promote(number)
        num_gone += 1
        metrics = {**spec.static_costs, "accuracy": accuracy_of(spec.architecture)}
        study.tell(TrialResult(number, spec.attempt, TrialState.COMPLETE, metrics, seconds=10.0))
    return num_gone


def test_where_the_user_wants_no_new_trial_only_what_has_a_chance_goes_on():
    study = climb(40).study
    before = len(study.paused)

    num_gone = go_on(study)

    assert num_gone < before
    assert len(study.paused) == before - num_gone


def test_where_no_network_is_left_to_start_all_that_wait_go_on():
    study = climb(100, space=FEW).study
    before = len(study.paused)

    assert len(study.records) == 16
    assert before > 4
    assert go_on(study) == before


def test_a_sampler_of_a_study_without_rungs_asks_as_before():
    def ask(with_shares):
        sampler = FrontierSampler(
            SPACE, lambda a: Facts(math.log10(size_of(a)), a.id), seed=3, objectives=OBJECTIVES
        )
        study = SearchStudy(
            space=SPACE,
            make_sampler=lambda _: sampler,
            objectives=OBJECTIVES,
            costs=lambda a: {"size_bytes": size_of(a)},
            journal=Unwritten(),
            shares=SHARES if with_shares else (1.0,),
        )
        return study.ask().architecture

    assert ask(with_shares=True) == ask(with_shares=False)
    assert isinstance(ask(with_shares=True), Architecture)


@pytest.mark.parametrize("is_honest", [True, False])
def test_rungs_that_tell_nothing_do_not_stop_the_search(is_honest):
    way = climb(40, is_honest=is_honest)

    assert way.whole >= 6
