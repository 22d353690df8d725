"""Spaces and `frontier` in an Optuna study that `nas` does not drive, as docs/samplers.md says."""

import re
import time
from pathlib import Path

import optuna
import pytest

from nas.errors import InvalidObjectivesError
from nas.frontier.sampler import FrontierSampler
from nas.objective import objective_for
from nas.sampling.distributions import flat_distributions, suggest
from nas.space.facts import Facts
from nas.space.space import SearchSpace

GUIDE = Path(__file__).parents[2] / "docs" / "samplers.md"
SPACE = SearchSpace(
    {
        "width": {"choice": [0.25, 0.5]},
        "rate": {"float": [0.001, 0.1], "log": True},
        "groups": {"int": [2, 8], "step": 2},
        "layers": {
            "repeat": {"int": [1, 3]},
            "kind": {"choice": ["plain", "wide"]},
            "expansion": {"choice": [2, 4], "when": {"kind": "wide"}},
        },
    }
)

WORTH = {"skip": 0.0, "narrow": 1.0, "wide": 1.5, "deep": 2.0}
LAYERS = SearchSpace({f"e{i}": {"choice": list(WORTH)} for i in range(5)})


def facts(architecture):
    size = 1.0 + sum(list(WORTH).index(one) for one in architecture.values())
    return Facts(size, architecture.id)


def test_a_suggested_architecture_is_what_the_trial_records():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        trial = study.ask()
        architecture = suggest(trial, SPACE)
        assert dict(architecture) == trial.params
        assert SPACE.architecture(trial.params) == architecture
        study.tell(trial, 0.0)


def test_what_is_suggested_is_what_was_enqueued():
    study = optuna.create_study()
    wanted = {
        "width": 0.5,
        "rate": 0.01,
        "groups": 4,
        "layers.repeat": 2,
        "layers.0.kind": "wide",
        "layers.0.expansion": 4,
        "layers.1.kind": "plain",
    }
    study.enqueue_trial(wanted)
    assert dict(suggest(study.ask(), SPACE)) == wanted


def test_threads_ask_for_distinct_networks():
    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=FrontierSampler(LAYERS, facts, seed=0)
    )

    def objective(trial):
        architecture = suggest(trial, LAYERS)
        time.sleep(0.001 * (trial.number % 4))
        return sum(WORTH[one] for one in architecture.values()), 10.0 ** len(architecture)

    study.optimize(objective, n_trials=60, n_jobs=4)

    assert len({tuple(trial.params.items()) for trial in study.trials}) == 60


def test_facts_must_hold_each_objective_that_is_known_beforehand():
    sampler = FrontierSampler(
        LAYERS,
        facts,
        objectives=[objective_for(name) for name in ("accuracy", "num_params", "num_macs")],
    )
    study = optuna.create_study(directions=["maximize", "minimize", "minimize"], sampler=sampler)

    with pytest.raises(InvalidObjectivesError, match=r"2 objectives .* hold 1; give Facts"):
        study.ask(flat_distributions(LAYERS))


@pytest.fixture
def guide():
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    names = {"train": lambda architecture: architecture["width"] * architecture["layers.repeat"]}
    exec(code, names)
    return names


def test_the_guides_study_starts_at_the_smallest_network_and_repeats_none(guide):
    trials = guide["study"].trials
    assert len(trials) == 50
    assert trials[0].params == {"width": 8, "layers.repeat": 1, "layers.0.kernel": 3}
    assert len({tuple(sorted(trial.params.items())) for trial in trials}) == 50


def test_the_guides_study_finds_that_kernels_are_wasted(guide):
    # Kernels cost and give nothing: no other network is as good as one of kernels of 3 alone.
    best = guide["study"].best_trials
    kernels = [v for trial in best for name, v in trial.params.items() if "kernel" in name]
    assert kernels.count(3) >= 0.9 * len(kernels)
