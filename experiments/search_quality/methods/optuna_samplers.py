"""Optuna's own samplers, asked for the whole flat space; and AutoSampler of OptunaHub.

A repeated network is told like any other: a user who caches results would do the same.
"""

import os
import warnings
from collections.abc import Callable

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler

from experiments.search_quality.methods.contract import Genome, Losses
from experiments.search_quality.problems import Problem

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


class OptunaMethod:
    """A study in memory with one sampler."""

    def __init__(self, problem: Problem, sampler: BaseSampler) -> None:
        self._study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
        self._distributions: dict[str, BaseDistribution] = {
            name: CategoricalDistribution(values) for name, values in problem.options.items()
        }
        self._asked: tuple[optuna.Trial, Genome] | None = None

    def ask(self) -> Genome:
        """Return the next genome."""
        trial = self._study.ask(self._distributions)
        self._asked = (trial, dict(trial.params))
        return self._asked[1]

    def tell(self, genome: Genome, losses: Losses) -> None:
        """Take a result."""
        if self._asked is not None and self._asked[1] is genome:
            self._study.tell(self._asked[0], losses)
            self._asked = None
            return
        self._study.add_trial(
            optuna.create_trial(params=genome, distributions=self._distributions, values=losses)
        )


def _method(make_sampler: Callable[[int], BaseSampler]) -> Callable[[Problem, int], OptunaMethod]:
    return lambda problem, seed: OptunaMethod(problem, make_sampler(seed))


random_search = _method(lambda seed: optuna.samplers.RandomSampler(seed=seed))
nsga2_50 = _method(lambda seed: optuna.samplers.NSGAIISampler(population_size=50, seed=seed))
nsga2_20 = _method(lambda seed: optuna.samplers.NSGAIISampler(population_size=20, seed=seed))
nsga3 = _method(lambda seed: optuna.samplers.NSGAIIISampler(population_size=20, seed=seed))
tpe = _method(lambda seed: optuna.samplers.TPESampler(seed=seed))
tpe_multivariate = _method(lambda seed: optuna.samplers.TPESampler(multivariate=True, seed=seed))
gp = _method(lambda seed: optuna.samplers.GPSampler(seed=seed))


def auto_sampler(problem: Problem, seed: int) -> OptunaMethod:
    """OptunaHub's AutoSampler, from a local copy of the registry (OPTUNAHUB_REGISTRY)."""
    import optunahub

    registry = os.environ.get("OPTUNAHUB_REGISTRY")
    if registry is None:
        raise FileNotFoundError("set OPTUNAHUB_REGISTRY to a checkout of the optunahub-registry")
    module = optunahub.load_local_module(
        "samplers/auto_sampler", registry_root=f"{registry}/package"
    )
    return OptunaMethod(problem, module.AutoSampler(seed=seed))
