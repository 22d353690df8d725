import copy

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState, create_trial
from parts.work import num_calls
from threadpoolctl import threadpool_info, threadpool_limits

from nas.errors import ConfigError, ConstraintError, InvalidObjectivesError
from nas.frontier.aim import Aim
from nas.frontier.candidates import CandidatePool
from nas.frontier.effort import Effort
from nas.frontier.observations import CHOICE_KEY, read_choice, write_choice
from nas.frontier.sampler import FrontierSampler, num_picks
from nas.objective import Objective, objective_for
from nas.pareto.dominance import front_mask
from nas.sampling.distributions import flat_distributions
from nas.space.facts import Facts
from nas.space.space import SearchSpace

CELL = SearchSpace({f"e{i}": {"choice": ["none", "skip", "narrow", "wide"]} for i in range(5)})
DEEP = SearchSpace(
    {
        "width": {"choice": [0.5, 1.0, 2.0]},
        "rate": {"float": [0.0, 1.0]},
        "channels": {"int": [8, 64], "log": True},
        "stages": {
            "repeat": {"int": [1, 6]},
            "kernel": {"choice": [3, 5, 7]},
            "expansion": {"choice": [1, 3, 6], "when": {"kernel": [5, 7]}},
        },
    }
)
COSTS = {"none": 0, "skip": 1, "narrow": 10, "wide": 100}
WORTH = {"none": 0.0, "skip": 1.0, "narrow": 2.0, "wide": 2.5}


def size_of(architecture):
    return 50.0 + sum(COSTS[operation] for operation in architecture.values())


def cell_facts(architecture):
    return Facts(float(np.log10(size_of(architecture))), architecture.id)


def accuracy_of(architecture):
    return sum(WORTH[op] * (i + 1) for i, op in enumerate(architecture.values())) / 40


def deep_size(architecture):
    blocks = range(architecture["stages.repeat"])
    kernels = [
        architecture[f"stages.{i}.kernel"] * architecture.get(f"stages.{i}.expansion", 1)
        for i in blocks
    ]
    return architecture["width"] * architecture["channels"] * sum(kernels)


def deep_facts(architecture):
    return Facts(float(np.log10(deep_size(architecture))), architecture.id)


def deep_accuracy(architecture):
    return float(np.log10(deep_size(architecture)) - (architecture["rate"] - 0.7) ** 2)


def open_study(sampler, directions=("maximize", "minimize")):
    return optuna.create_study(directions=list(directions), sampler=sampler)


def ask(study, space):
    trial = study.ask(flat_distributions(space))
    active = {name: value for name, value in trial.params.items() if name in space.domains}
    return trial, space.architecture(active)


def run(study, num_trials, *, space=CELL, accuracy=accuracy_of, size=size_of):
    asked = []
    for _ in range(num_trials):
        trial, architecture = ask(study, space)
        study.tell(trial, [accuracy(architecture), size(architecture)])
        asked.append(architecture)
    return asked


def copy_of(study, sampler):
    copied = open_study(sampler)
    for trial in study.get_trials(deepcopy=False):
        copied.add_trial(trial)
    return copied


def test_first_ask_is_the_smallest_network():
    (first,) = run(open_study(FrontierSampler(CELL, cell_facts, seed=1)), 1)
    assert set(first.values()) == {"none"}


def test_first_ask_of_a_large_space_is_the_smallest_that_a_descent_finds():
    sampler = FrontierSampler(DEEP, deep_facts, seed=1)
    (first,) = run(open_study(sampler), 1, space=DEEP, accuracy=deep_accuracy, size=deep_size)
    assert deep_size(first) == 0.5 * 8 * 3


class NamesTwo(SearchSpace):
    """The cells of `CELL`, of which two are recommended."""

    def recommended(self):
        kinds = ("wide", "skip")
        return [self.architecture(dict.fromkeys(self.domains, kind)) for kind in kinds]


def first_of(space, number, **limits):
    study = open_study(FrontierSampler(space, cell_facts, seed=1, **limits))
    return run(study, number, space=space)


def test_what_the_space_recommends_comes_first_and_in_its_order():
    space = NamesTwo({f"e{i}": {"choice": list(COSTS)} for i in range(5)})
    asked = first_of(space, 4)
    assert [set(architecture.values()) for architecture in asked[:2]] == [{"wide"}, {"skip"}]
    assert len({architecture.id for architecture in asked}) == 4


def test_what_the_space_recommends_comes_small_to_large_where_all_of_it_comes():
    space = NamesTwo({f"e{i}": {"choice": list(COSTS)} for i in range(5)})
    asked = first_of(space, 3, aim=Aim(begins_small=True))
    kinds = [set(architecture.values()) for architecture in asked]
    assert kinds == [{"none"}, {"skip"}, {"wide"}]


def test_what_is_recommended_and_not_allowed_is_left_out():
    space = NamesTwo({f"e{i}": {"choice": list(COSTS)} for i in range(5)})
    first, _ = first_of(space, 2, is_allowed=lambda architecture: size_of(architecture) < 200)
    assert set(first.values()) == {"skip"}


def test_the_first_trainings_are_the_most_promising_of_their_size():
    space = SearchSpace({"width": {"int": [1, 200]}, "kind": {"choice": list("abcdefgh")}})

    def first_four(prior_score):
        def facts(architecture):
            size = float(np.log10(architecture["width"]))
            return Facts(size, architecture.id, prior_score=prior_score(architecture))

        study = open_study(FrontierSampler(space, facts, seed=0))
        return run(study, 4, space=space, accuracy=lambda a: 0.5, size=lambda a: a["width"])

    asked = first_four(lambda a: float("abcdefgh".index(a["kind"])))
    untold = first_four(lambda a: 7.0)
    unknown = first_four(lambda a: float("nan"))
    half_known = first_four(lambda a: 1.0 if a["kind"] == "h" else float("nan"))
    assert [a["kind"] for a in asked] == [a["kind"] for a in half_known] == ["h"] * 4
    assert unknown == untold
    assert [a["kind"] for a in untold] != ["h"] * 4
    # Whatever promises most, sizes are those that are wanted: four widths of 200 are a fiftieth.
    widths = [(a["width"], b["width"]) for a, b in zip(asked, untold, strict=True)]
    assert widths[0] == (1, 1)
    assert all(abs(told - other) <= 4 for told, other in widths)


def told_of(prior):
    told = {"choice": list(COSTS), "prior": prior}
    return SearchSpace({f"e{i}": {"choice": list(COSTS)} for i in range(4)} | {"e4": told})


def test_of_the_first_trainings_some_are_what_an_expert_expects_to_be_good():
    for word in ("narrow", "skip"):
        smallest, _, third, _ = first_of(told_of({word: 9}), 4)
        assert set(smallest.values()) == {"none"}
        assert third["e4"] == word


def test_a_study_with_another_prior_goes_on():
    before, now = told_of({"narrow": 9}), told_of({"wide": 9})
    study = open_study(FrontierSampler(before, cell_facts, seed=1))
    asked = run(study, 6, space=before)
    resumed = copy_of(study, FrontierSampler(now, cell_facts, seed=1))
    asked += run(resumed, 6, space=now)
    assert len({architecture.id for architecture in asked}) == 12


def test_it_finds_the_front_of_a_thousand_networks_within_sixty():
    asked = run(open_study(FrontierSampler(CELL, cell_facts, seed=0)), 60)

    every = list(CELL.enumerate())
    losses = np.array([(-accuracy_of(a), size_of(a)) for a in every])
    front = {tuple(row) for row in losses[front_mask(losses)]}
    found = {(-accuracy_of(a), size_of(a)) for a in asked}
    assert len(front & found) >= 0.8 * len(front)


def test_the_front_is_filled_down_to_a_smallest_network_that_is_hopeless():
    layers = SearchSpace({f"l{i}": {"choice": [0, 1, 2]} for i in range(6)})

    def depth(architecture):
        return sum(architecture.values())

    def size(architecture):
        tie = sum(place * layer for place, layer in enumerate(architecture.values()))
        return 10.0 ** (0.1 * depth(architecture)) * (1.0 + 0.001 * tie)

    def accuracy(architecture):
        return 1.0 - float(np.exp(-depth(architecture) / 1.5)) + 0.002 * architecture["l5"]

    def facts(architecture):
        return Facts(float(np.log10(size(architecture))), architecture.id)

    for seed in range(3):
        study = open_study(FrontierSampler(layers, facts, seed=seed))
        asked = run(study, 12, space=layers, accuracy=accuracy, size=size)
        # A network of one layer is half as good as the best, and hardly larger than none.
        assert {0, 1} <= {depth(a) for a in asked}, seed


def test_no_network_is_asked_for_twice_while_others_run():
    study = open_study(FrontierSampler(CELL, cell_facts, seed=0))
    asked, running = [], []
    for _ in range(60):
        trial, architecture = ask(study, CELL)
        asked.append(architecture.id)
        running.append((trial, architecture))
        if len(running) == 8:
            done, finished = running.pop(0)
            study.tell(done, [accuracy_of(finished), size_of(finished)])
    assert len(set(asked)) == len(asked)


def test_networks_with_one_identity_are_one_network():
    def facts(architecture):
        counts = sorted(architecture.values())
        return Facts(float(np.log10(size_of(architecture))), "-".join(counts))

    asked = run(open_study(FrontierSampler(CELL, facts, seed=0)), 50)
    identities = [facts(architecture).identity for architecture in asked]
    assert len(set(identities)) == len(identities)


def test_of_a_network_with_dead_parts_the_smallest_configuration_is_asked_for():
    def facts(architecture):
        # The last operation is never used, but its parameters count.
        return Facts(
            float(np.log10(size_of(architecture))), "-".join(list(architecture.values())[:4])
        )

    asked = run(open_study(FrontierSampler(CELL, facts, seed=0)), 30)
    assert {architecture["e4"] for architecture in asked} == {"none"}


def test_same_seed_gives_the_same_asks_and_another_seed_others():
    first, same, other = (
        run(open_study(FrontierSampler(CELL, cell_facts, seed=seed)), 25) for seed in (3, 3, 4)
    )
    assert first == same
    assert first != other


@pytest.mark.parametrize(
    ("space", "facts", "accuracy", "size"),
    [(CELL, cell_facts, accuracy_of, size_of), (DEEP, deep_facts, deep_accuracy, deep_size)],
    ids=["whole", "sampled"],
)
def test_a_study_that_was_rebuilt_goes_on_as_if_nothing_had_happened(space, facts, accuracy, size):
    study = open_study(FrontierSampler(space, facts, seed=5))
    run(study, 14, space=space, accuracy=accuracy, size=size)
    rebuilt = copy_of(study, FrontierSampler(space, facts, seed=5))

    asked = run(study, 4, space=space, accuracy=accuracy, size=size)

    assert run(rebuilt, 4, space=space, accuracy=accuracy, size=size) == asked


def test_a_rebuilt_study_knows_what_was_running():
    study = open_study(FrontierSampler(CELL, cell_facts, seed=5))
    run(study, 12)
    ask(study, CELL)
    rebuilt = copy_of(study, FrontierSampler(CELL, cell_facts, seed=5))

    assert ask(rebuilt, CELL)[1] == ask(study, CELL)[1]


def test_constraints_are_always_kept():
    sampler = FrontierSampler(
        DEEP, deep_facts, seed=0, is_allowed=lambda a: deep_size(a) <= 300 and a["width"] < 2
    )
    asked = run(open_study(sampler), 20, space=DEEP, accuracy=deep_accuracy, size=deep_size)
    assert all(deep_size(a) <= 300 and a["width"] < 2 for a in asked)


def test_a_tight_limit_is_found_by_going_down():
    sampler = FrontierSampler(DEEP, deep_facts, seed=0, is_allowed=lambda a: deep_size(a) <= 20)
    asked = run(open_study(sampler), 10, space=DEEP, accuracy=deep_accuracy, size=deep_size)
    assert all(deep_size(a) <= 20 for a in asked)


def test_the_pool_of_a_large_space_is_not_filled_by_the_way_down_to_its_smallest():
    effort = Effort(num_candidates=500, pool_size=400, num_rounds=25, max_enumerated=1000)
    candidates = CandidatePool(DEEP, deep_facts, is_allowed=None, seed=0, effort=effort)

    smallest, drawn = 0.5 * 8 * 3, 1 / 3  # a third of random networks are narrow
    widths = [candidates.encoding.decode(row)["width"] for row in candidates.pool.rows]
    assert candidates.sizes.min() == pytest.approx(np.log10(smallest))
    assert widths.count(0.5) / len(widths) == pytest.approx(drawn, abs=0.1)


def test_limits_that_few_networks_keep_leave_a_pool_of_full_size():
    effort = Effort(num_candidates=500, pool_size=200, num_rounds=25, max_enumerated=1000)
    median = np.median([deep_size(DEEP.sample(np.random.default_rng(i))) for i in range(500)])
    candidates = CandidatePool(
        DEEP, deep_facts, is_allowed=lambda a: deep_size(a) <= median, seed=0, effort=effort
    )

    assert len(candidates.pool) >= 200


def test_an_impossible_constraint_is_said_at_the_first_ask():
    study = open_study(FrontierSampler(CELL, cell_facts, seed=0, is_allowed=lambda _: False))
    with pytest.raises(ConstraintError, match=r"none of the 1024 .* keeps the constraints"):
        ask(study, CELL)


def test_what_cannot_be_built_is_never_asked_for():
    def facts(architecture):
        return None if architecture["e0"] == "wide" else cell_facts(architecture)

    asked = run(open_study(FrontierSampler(CELL, facts, seed=0)), 40)
    assert all(architecture["e0"] != "wide" for architecture in asked)


def test_a_define_by_run_study_reads_only_what_is_active():
    study = open_study(FrontierSampler(DEEP, deep_facts, seed=0))
    seen = []

    def objective(trial):
        chosen = {}
        for parameter in DEEP.parameters:
            if DEEP.is_active(parameter, chosen):
                flat = flat_distributions(DEEP)[parameter.name]
                chosen[parameter.name] = trial._suggest(parameter.name, flat)
        architecture = DEEP.architecture(chosen)
        seen.append(architecture)
        return deep_accuracy(architecture), deep_size(architecture)

    study.optimize(objective, n_trials=15)
    assert len(set(seen)) == 15
    assert deep_size(seen[0]) == 12.0
    assert set(study.trials[-1].params) == set(seen[-1])


def test_a_running_trial_without_parameters_is_known_by_its_choice():
    study = open_study(FrontierSampler(CELL, cell_facts, seed=0))
    first, second = study.ask(), study.ask()
    first.suggest_categorical("e0", CELL.domains["e0"].options)
    second.suggest_categorical("e4", CELL.domains["e4"].options)
    choices = [study.trials[t.number].system_attrs[CHOICE_KEY] for t in (first, second)]
    assert choices[0] != choices[1]
    assert read_choice(choices[0]).tolist() == [0.0] * 5


def test_a_choice_survives_writing():
    row = np.array([0.0, np.nan, 3.0, 0.123456789012345])
    assert np.array_equal(read_choice(write_choice(row)), row, equal_nan=True)


def test_failed_networks_are_not_asked_for_again():
    study = open_study(FrontierSampler(CELL, cell_facts, seed=0))
    asked = []
    for number in range(30):
        trial, architecture = ask(study, CELL)
        asked.append(architecture)
        if number % 3 == 1:
            study.tell(trial, state=TrialState.FAIL)
        elif number % 3 == 2:
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, [accuracy_of(architecture), size_of(architecture)])
    assert len(set(asked)) == 30


def test_trials_of_others_are_used_and_those_of_other_spaces_passed_over():
    every = list(CELL.enumerate())
    study = open_study(FrontierSampler(CELL, cell_facts, seed=0))
    flat = flat_distributions(CELL)
    for architecture in every[::7]:
        values = [accuracy_of(architecture), size_of(architecture)]
        study.add_trial(create_trial(params=dict(architecture), distributions=flat, values=values))
    study.add_trial(
        create_trial(
            params={"other": 0.5},
            distributions={"other": optuna.distributions.FloatDistribution(0, 1)},
            values=[1.0, 1.0],
        )
    )

    asked = run(study, 10)

    assert not {a.id for a in asked} & {a.id for a in every[::7]}
    # With 147 results seen before, each of the next asks is on the front or close to it.
    losses = np.array([(-accuracy_of(a), size_of(a)) for a in every])
    beaten_by = [((losses <= [-accuracy_of(a), size_of(a)]).all(axis=1)).sum() - 1 for a in asked]
    assert np.median(beaten_by) <= 5


def test_three_objectives_of_which_two_are_known():
    def facts(architecture):
        macs = 10.0 + sum(COSTS[op] * (5 - i) for i, op in enumerate(architecture.values()))
        size = float(np.log10(size_of(architecture)))
        return Facts(size, architecture.id, static=(size, float(np.log10(macs))))

    objectives = [objective_for(name) for name in ("accuracy", "num_params", "num_macs")]
    sampler = FrontierSampler(CELL, facts, seed=0, objectives=objectives)
    study = open_study(sampler, ["maximize", "minimize", "minimize"])
    asked = []
    for _ in range(30):
        trial, architecture = ask(study, CELL)
        size, macs = facts(architecture).static
        study.tell(trial, [accuracy_of(architecture), 10**size, 10**macs])
        asked.append(architecture)

    every = list(CELL.enumerate())
    losses = np.array([(-accuracy_of(a), *facts(a).static) for a in every])
    front = {a.id for a, kept in zip(every, front_mask(losses), strict=True) if kept}
    share = len(front & {a.id for a in asked}) / 30
    assert share > 2 * len(front) / len(every)


def test_a_measured_objective_beside_accuracy_and_size():
    objectives = [objective_for(name) for name in ("accuracy", "num_params", "latency_ms")]
    sampler = FrontierSampler(CELL, cell_facts, seed=0, objectives=objectives)
    study = open_study(sampler, ["maximize", "minimize", "minimize"])
    asked = []
    for _ in range(30):
        trial, architecture = ask(study, CELL)
        latency = 1.0 + sum(op != "none" for op in architecture.values())
        study.tell(trial, [accuracy_of(architecture), size_of(architecture), latency])
        asked.append(architecture)
    assert len(set(asked)) == 30


def test_many_running_trials_do_not_slow_the_asks_down():
    study = open_study(FrontierSampler(CELL, cell_facts, seed=0))
    asked = [ask(study, CELL) for _ in range(160)]
    for trial, architecture in asked[:40]:
        study.tell(trial, [accuracy_of(architecture), size_of(architecture)])
    more = []

    first = num_calls(lambda: more.extend(ask(study, CELL)[1] for _ in range(30)))
    second = num_calls(lambda: more.extend(ask(study, CELL)[1] for _ in range(30)))

    assert second < 2 * first
    assert len({*(architecture for _, architecture in asked), *more}) == 220


@pytest.mark.parametrize(
    ("num_running", "num_waiting", "expected"),
    [(0, 0, 1), (11, 11, 1), (12, 0, 2), (64, 0, 6), (64, 5, 11), (64, 60, 22), (1000, 50, 134)],
)
def test_a_plan_serves_more_asks_where_slots_wait_for_the_sampler(
    num_running, num_waiting, expected
):
    assert num_picks(num_running, num_waiting=num_waiting) == expected


def test_a_trial_that_became_something_else_than_what_was_answered_is_read_as_it_is():
    space = SearchSpace({f"e{i}": {"choice": ["none", "narrow", "wide"]} for i in range(3)})
    study = open_study(FrontierSampler(space, cell_facts, seed=0))
    first = run(study, 5, space=space)
    answered, answer = ask(study, space)
    other = next(a for a in space.enumerate() if a not in [*first, answer])
    changed = copy.copy(study._storage.get_trial(answered._trial_id))
    changed.params = dict(other)
    study._storage._set_trial(answered._trial_id, changed)

    asked = run(study, 27 - 6, space=space)  # all that is left

    assert other not in asked


def test_when_every_network_is_known_one_of_them_comes():
    space = SearchSpace({"a": {"choice": [1, 2]}, "b": {"choice": [1, 2]}})
    sampler = FrontierSampler(space, lambda a: Facts(float(a["a"]), a.id), seed=0)
    asked = run(
        open_study(sampler), 6, space=space, accuracy=lambda a: a["b"], size=lambda a: a["a"]
    )
    assert len(set(asked[:4])) == 4


@pytest.mark.parametrize(
    ("directions", "objectives", "message"),
    [
        (["minimize", "minimize"], None, "there must be two, accuracy"),
        (["maximize", "minimize"], ["num_params", "accuracy"], "are not those of the study"),
        (["minimize", "minimize"], ["num_params", "num_macs"], "add one that is measured"),
    ],
    ids=["directions", "order", "all static"],
)
def test_objectives_that_do_not_fit_are_refused(directions, objectives, message):
    given: list[Objective] | None = objectives and [objective_for(name) for name in objectives]
    study = open_study(FrontierSampler(CELL, cell_facts, seed=0, objectives=given), directions)
    with pytest.raises(InvalidObjectivesError, match=message):
        ask(study, CELL)


@pytest.mark.slow
def test_an_ask_after_ten_thousand_trials_is_little_more_work_than_after_a_thousand():
    assert calls_of_an_ask(after=10_000) < 3 * calls_of_an_ask(after=1_000)


def calls_of_an_ask(*, after):
    """Return how many functions an ask calls when so many trials have been read before."""
    rng = np.random.default_rng(0)
    space = SearchSpace({f"l{i}": {"choice": ["a", "b", "c", "d"]} for i in range(12)})

    def facts(architecture):
        return Facts(sum("abcd".index(op) for op in architecture.values()) / 10, architecture.id)

    sampler = FrontierSampler(space, facts, seed=0)
    study = open_study(sampler)
    flat = flat_distributions(space)
    trials = []
    for architecture in (space.sample(rng) for _ in range(after)):
        values = [float(rng.normal()), facts(architecture).log_size]
        trials.append(create_trial(params=dict(architecture), distributions=flat, values=values))
    study.add_trials(trials)
    ask(study, space)  # reads the trials and sets the hyperparameters
    return num_calls(lambda: ask(study, space))


def test_choices_with_more_options_than_fit_into_memory_are_refused():
    space = SearchSpace({"a": {"choice": list(range(3_000))}, "b": {"choice": list(range(3_000))}})
    with pytest.raises(
        ConfigError, match="6,000 options together, and frontier takes up to 4,096"
    ):
        FrontierSampler(space, cell_facts, seed=0)


def threads_of_blas():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_an_ask_computes_with_one_thread_and_leaves_the_others_as_they_were():
    space = SearchSpace({"layers": {"int": [1, 50]}})
    seen = []

    def facts(architecture):
        seen.append(threads_of_blas())
        return Facts(float(architecture["layers"]), architecture.id)

    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=FrontierSampler(space, facts, seed=0)
    )

    with threadpool_limits(limits=2, user_api="blas"):
        study.ask(flat_distributions(space))
        after = threads_of_blas()

    assert seen
    assert set().union(*seen) == {1}
    assert after == {2}


def read_on_50_examples(num_judged):
    """Return true accuracies, readings, and what a sampler believes after 40 of these."""
    sampler = FrontierSampler(CELL, cell_facts, seed=0, num_judged=num_judged)
    study, rng = open_study(sampler), np.random.default_rng(0)
    true = []
    for _ in range(40):
        trial, architecture = ask(study, CELL)
        true.append(accuracy_of(architecture))
        study.tell(trial, [rng.binomial(50, true[-1]) / 50, size_of(architecture)])
    believed = sampler.believed(study)
    assert list(believed) == list(range(40))
    values = np.array([believed[number] for number in believed])
    return np.array(true), np.array([trial.values for trial in study.trials]), values


def test_what_is_believed_is_nearer_to_the_truth_than_noisy_readings():
    true, readings, values = read_on_50_examples(num_judged=50)

    def error(found):
        return np.sqrt(np.mean((found[:, 0] - true) ** 2))

    # The readings' own error is about .06, the root of p (1 - p) / 50.
    assert error(values) < 0.9 * error(readings)
    assert np.array_equal(values[:, 1], readings[:, 1])


def test_exact_readings_are_believed():
    _, readings, values = read_on_50_examples(num_judged=0)

    assert np.array_equal(values, readings)


def test_a_number_of_examples_below_0_is_refused():
    with pytest.raises(ConfigError, match="num_judged must be 0 or more examples, but got -1"):
        FrontierSampler(CELL, cell_facts, num_judged=-1)
