"""Who takes part: name -> where its adapter is, how long it runs, what it is called."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from experiments.search_quality.methods.contract import Method
from experiments.search_quality.problems import Problem

METHODS_PACKAGE = "experiments.search_quality.methods"


@dataclass(frozen=True)
class Entry:
    """A method of the contest.

    Attributes:
        module: of the adapter; imported only when the method runs, so rivals may be absent.
        maker: function or class of (problem, seed).
        label: for the legend.
        is_slow: more than about a minute for 100 trainings.
    """

    module: str
    maker: str
    label: str
    is_slow: bool = False

    def make(self, problem: Problem, seed: int) -> Method:
        """Return the method, ready to be asked."""
        module = importlib.import_module(f"{METHODS_PACKAGE}.{self.module}")
        maker: Callable[[Problem, int], Method] = getattr(module, self.maker)
        return maker(problem, seed)


ROSTER: dict[str, Entry] = {
    "random": Entry("optuna_samplers", "random_search", "random"),
    "optuna_nsga2_50": Entry("optuna_samplers", "nsga2_50", "Optuna NSGA-II (50, its default)"),
    "optuna_nsga2_20": Entry("optuna_samplers", "nsga2_20", "Optuna NSGA-II (20)"),
    "optuna_nsga3": Entry("optuna_samplers", "nsga3", "Optuna NSGA-III (20)"),
    "optuna_tpe": Entry("optuna_samplers", "tpe", "Optuna TPE (its default)"),
    "optuna_tpe_multivariate": Entry(
        "optuna_samplers", "tpe_multivariate", "Optuna TPE multivariate"
    ),
    "optuna_gp": Entry("optuna_samplers", "gp", "Optuna GP", is_slow=True),
    "optunahub_auto": Entry("optuna_samplers", "auto_sampler", "OptunaHub Auto"),
    "pymoo_nsga2": Entry("pymoo_algorithms", "nsga2", "pymoo NSGA-II (20)"),
    "pymoo_age_moea2": Entry("pymoo_algorithms", "age_moea2", "pymoo AGE-MOEA-II (20)"),
    "pareto_local_search": Entry("evolution", "ParetoLocalSearch", "Pareto local search"),
    "regularized_evolution": Entry(
        "evolution", "RegularizedEvolution", "regularised evolution, Pareto tournament"
    ),
    "syne_tune_evolution": Entry(
        "syne_tune_searchers", "regularized_evolution", "Syne Tune MO regularised evolution"
    ),
    "syne_tune_ehvi": Entry("syne_tune_searchers", "ehvi", "Syne Tune EHVI", is_slow=True),
    "syne_tune_ehvi_scaled": Entry(
        "syne_tune_searchers", "ScaledEhvi", "Syne Tune EHVI, scaled", is_slow=True
    ),
    "msunas_like": Entry("msunas", "MsunasLike", "MSuNAS-like"),
    "botorch_qlognehvi": Entry(
        "botorch_acquisition", "QLogNehvi", "BoTorch qLogNEHVI", is_slow=True
    ),
    "ax": Entry("ax_client", "AxMethod", "Ax (its default)", is_slow=True),
    "frontier": Entry("frontier", "with_facts", "frontier"),
    "frontier_size_only": Entry("frontier", "size_only", "frontier, size only"),
}
