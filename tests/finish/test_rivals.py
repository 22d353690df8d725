"""Which networks are trained beside the winners, to see whether the search could choose."""

from dataclasses import dataclass, field

import pytest

from nas.architecture import Architecture
from nas.evaluation.winner_metric import ACCURACY
from nas.finish.confirm import RetrainingPlan, candidate_of
from nas.finish.rivals import find_rivals
from nas.train.recipe import Recipe
from nas.trial import TrialRecord, TrialState


@dataclass
class Task:
    """What `find_rivals` asks of a finish."""

    records: list
    num_validation: int = 10_000
    search_epochs: int = 8
    winner_metric: object = ACCURACY
    dataset: object = field(init=False)

    def __post_init__(self):
        self.dataset = self
        self.validation = range(self.num_validation)


def trial(number, accuracy, size, state=TrialState.COMPLETE):
    metrics = {"accuracy": accuracy, "size_bytes": float(size)}
    return TrialRecord(number, Architecture({"n": number}), state, metrics)


def plan(epochs):
    return RetrainingPlan(Recipe(epochs=8), 3, 0, "data", epochs=epochs)


SMALL, LARGE = trial(0, 0.6, 100), trial(1, 0.9, 1000)


def rivals(*others, epochs=60, **settings):
    task = Task([SMALL, LARGE, *others], **settings)
    winners = [candidate_of(SMALL), candidate_of(LARGE)]
    longer = {SMALL.architecture.id: epochs, LARGE.architecture.id: 2 * epochs}
    found, its_plan = find_rivals(winners, task, plan(longer))
    return [rival.record.number for rival in found], found, its_plan


def test_a_rival_is_the_best_of_like_size_that_is_behind_by_more_than_the_noise():
    """At 10,000 images two deviations of a share of 0.9 are 0.006."""
    numbers, _, _ = rivals(
        trial(2, 0.896, 900), trial(3, 0.85, 900), trial(4, 0.7, 900), trial(5, 0.89, 300)
    )

    assert numbers == [3]


def test_of_few_images_only_a_large_difference_is_sure():
    assert rivals(trial(3, 0.85, 900), num_validation=100)[0] == []
    assert rivals(trial(3, 0.7, 900), num_validation=100)[0] == [3]


def test_what_was_not_trained_whole_is_no_rival():
    assert rivals(trial(2, 0.85, 900, state=TrialState.STOPPED))[0] == []


def test_each_is_trained_once_and_as_long_as_the_winner_of_its_size():
    _, found, its_plan = rivals(trial(2, 0.5, 110), trial(3, 0.85, 900))

    jobs = [job for rival in found for job in its_plan.jobs_of(rival)]

    assert [(job.name, job.epochs) for job in jobs] == [
        ("trial 2, beside trial 0 seed 0", 60),
        ("trial 3, beside trial 1 seed 0", 120),
    ]


@pytest.mark.parametrize("searched", [None, 8])
def test_trainings_no_longer_than_those_of_the_search_need_none(searched):
    assert rivals(trial(3, 0.85, 900), epochs=4, search_epochs=searched)[0] == []
