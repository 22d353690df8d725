import warnings
from collections.abc import Sequence

import optuna
import pytest
from parts.engine import (
    NUM_SMALL,
    OBJECTIVES,
    SMALL,
    WIDE,
    ClosedForm,
    complete,
    nsga2_sampler,
    random_sampler,
    size_of,
)

from nas.engine.costs import CachedCosts
from nas.errors import ConstraintError
from nas.objective import Constraint
from nas.space.space import SearchSpace
from nas.study.proposals import SpaceExhausted
from nas.study.study import SearchStudy
from nas.trial import TrialRecord


class Nowhere:
    """A record that keeps nothing."""

    def started(self, record: TrialRecord) -> None: ...
    def finished(self, record: TrialRecord, variants: Sequence[TrialRecord] = ()) -> None: ...
    def noted(self, key: str, value: object) -> None: ...


SAMPLERS = {
    "nsga2": nsga2_sampler,
    "nsga3": lambda seed: optuna.samplers.NSGAIIISampler(seed=seed, population_size=10),
    "tpe": lambda seed: optuna.samplers.TPESampler(
        seed=seed, multivariate=True, constant_liar=True, n_startup_trials=5
    ),
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed, n_startup_trials=4),
    "random": random_sampler,
    "qmc": lambda seed: optuna.samplers.QMCSampler(seed=seed, scramble=True),
    "brute_force": lambda seed: optuna.samplers.BruteForceSampler(seed=seed),
}
# A GP takes seconds for some asks.
NUM_TRIALS = {"gp": 6}


def open_study(sampler="random", *, space=SMALL, seed=0, constraints=(), **options):
    make_sampler = SAMPLERS[sampler] if isinstance(sampler, str) else sampler
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some samplers are experimental
        return SearchStudy(
            space=SearchSpace(space),
            make_sampler=make_sampler,
            objectives=OBJECTIVES,
            costs=CachedCosts(ClosedForm()),
            journal=Nowhere(),
            constraints=constraints,
            seed=seed,
            **options,
        )


def run(study, num_trials, *, num_running=1):
    """Ask and tell with so many trials in flight; return the architectures as they were asked."""
    asked, running = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while len(asked) < num_trials:
            spec = study.ask()
            asked.append(spec.architecture)
            running.append(spec)
            if len(running) == num_running:
                study.tell(complete(running.pop(0)))
    return asked


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_gives_only_new_allowed_architectures(name):
    limit = Constraint("size_bytes", maximum=2500.0)
    study = open_study(name, constraints=[limit])

    asked = run(study, NUM_TRIALS.get(name, 40), num_running=3)

    space = SearchSpace(SMALL)
    assert len({a.id for a in asked}) == len(asked)
    assert all(space.architecture(a) == a for a in asked)
    assert max(size_of(a) for a in asked) <= 2500.0


@pytest.mark.parametrize("name", SAMPLERS)
def test_equal_seeds_give_equal_proposals(name):
    num_trials = NUM_TRIALS.get(name, 30)

    first = run(open_study(name, seed=5), num_trials, num_running=2)
    again = run(open_study(name, seed=5), num_trials, num_running=2)
    other = run(open_study(name, seed=6), num_trials, num_running=2)

    assert first == again
    assert first != other


@pytest.mark.parametrize("name", ["nsga2", "tpe", "random", "qmc", "brute_force"])
def test_a_small_space_is_searched_to_its_end(name):
    study = open_study(name)

    asked = run(study, NUM_SMALL)

    assert {a.id for a in asked} == {a.id for a in SearchSpace(SMALL).enumerate()}
    with pytest.raises(SpaceExhausted) as end:
        study.ask()
    assert end.value.is_proven


def test_constraints_that_nothing_keeps_name_the_nearest_architecture():
    study = open_study(constraints=[Constraint("size_bytes", maximum=100.0)])

    with pytest.raises(ConstraintError, match=r"size_bytes = 261 .*size_bytes\.max=261"):
        study.check_feasible()


@pytest.mark.parametrize("name", ["nsga2", "nsga3"])
def test_an_evolutionary_sampler_proposes_the_same_when_it_is_shown_the_newest_generations_only(
    name, monkeypatch
):
    shown = run(open_study(name, space=WIDE), 150, num_running=7)
    monkeypatch.setattr("nas.study.working_storage.EvolutionStorage.get_all_trials", _all_trials)
    from_all = run(open_study(name, space=WIDE), 150, num_running=7)

    assert shown == from_all


def _all_trials(storage, study_id, deepcopy=True, states=None):
    return optuna.storages.InMemoryStorage.get_all_trials(storage, study_id, deepcopy, states)


def test_a_straggler_does_not_hide_the_generation_that_it_belongs_to():
    study = open_study("nsga2", space=WIDE)
    straggler = study.ask()

    asked = run(study, 100, num_running=3)
    study.tell(complete(straggler))

    assert len({a.id for a in [straggler.architecture, *asked, *run(study, 20)]}) == 121


def test_proposals_made_ahead_come_out_in_the_same_order():
    ahead, at_once = open_study("random"), open_study("random")
    for _ in range(5):
        ahead.prepare()

    assert ahead.num_prepared == 5
    assert ahead.num_trials == 0
    assert run(ahead, 12) == run(at_once, 12)


def test_prepared_proposals_of_a_small_space_are_handed_out_before_its_end():
    study = open_study("random")
    run(study, NUM_SMALL - 1)
    study.prepare()

    with pytest.raises(SpaceExhausted):
        study.prepare()
    assert study.ask().number == NUM_SMALL - 1


# One option in ten has nine tenths of the weight.
LEANING = {
    f"gene_{i:02}": {"choice": list(range(10)), "weights": [81] + [1] * 9} for i in range(8)
}


@pytest.mark.parametrize("sampler", ["random", "nsga2", "nsga3", "tpe", "gp"])
def test_blind_draws_of_any_sampler_follow_the_weights_of_a_choice(sampler):
    study = open_study(sampler, space=LEANING)
    for _ in range(4):
        study.prepare()
    drawn = [study.ask().architecture for _ in range(4)]
    favourites = sum(value == 0 for architecture in drawn for value in architecture.values())
    # Of 32 draws at 0.9 fewer than 16 come with a chance of about 1e-9; of 32 draws at 0.1, 16 or
    # more with one of about 1e-8.
    assert favourites >= 16


def test_draws_of_the_whole_space_in_a_row_do_not_know_weights():
    study = open_study("qmc", space=LEANING)
    drawn = [study.ask().architecture for _ in range(4)]
    assert sum(value == 0 for architecture in drawn for value in architecture.values()) < 16
