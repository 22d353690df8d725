"""Syne Tune's multi-objective searchers as they are: regularised evolution, and EHVI.

In 0.16.0 the evolution's priority is the order of a sort used as if it were each member's rank:
of [3, 3], [2, 2], [1, 1], [0, 4] and [0.5, 2] the non-dominated [1, 1] gets the last place. So
parents are drawn almost at random.
"""

import warnings
from typing import Any

import numpy as np
from syne_tune.config_space import choice
from syne_tune.optimizer.schedulers.multiobjective.expected_hyper_volume_improvement import (
    ExpectedHyperVolumeImprovement,
)
from syne_tune.optimizer.schedulers.multiobjective.multi_objective_regularized_evolution import (
    MultiObjectiveRegularizedEvolution,
)
from syne_tune.optimizer.schedulers.searchers.searcher import BaseSearcher

from experiments.search_quality.methods.contract import Coding, Genome, Losses
from experiments.search_quality.problems import Problem

POPULATION_SIZE = 20  # the default of 100 would be random search here
TOURNAMENT_SIZE = 5


class SyneTuneMethod:
    """One searcher, without Syne Tune's scheduler and backend."""

    def __init__(
        self, problem: Problem, searcher: type[BaseSearcher], seed: int, **more: Any
    ) -> None:
        warnings.filterwarnings("ignore")
        np.random.seed(seed % 2**32)  # noqa: NPY002 - the searcher draws its starts from there
        self._coding = Coding(problem.options)
        sizes = self._coding.sizes.tolist()
        # Words, so that options are categories also where they are numbers.
        space = {f"p{i}": choice([f"o{n}" for n in range(size)]) for i, size in enumerate(sizes)}
        self._searcher = searcher(config_space=space, random_seed=seed, **more)
        self._num_told = 0

    def ask(self) -> Genome:
        """Return the next genome."""
        values = self._searcher.suggest()
        if values is None:
            raise RuntimeError("the searcher has nothing more to suggest")
        numbers = [int(values[f"p{i}"][1:]) for i in range(len(self._coding.names))]
        return self._coding.decode(numbers)

    def tell(self, genome: Genome, losses: Losses) -> None:
        """Take a result."""
        numbers = self._coding.encode(genome).tolist()
        config = {f"p{i}": f"o{number}" for i, number in enumerate(numbers)}
        self._searcher.on_trial_complete(self._num_told, config, list(losses))
        self._num_told += 1


def regularized_evolution(problem: Problem, seed: int) -> SyneTuneMethod:
    return SyneTuneMethod(
        problem,
        MultiObjectiveRegularizedEvolution,
        seed,
        population_size=POPULATION_SIZE,
        sample_size=TOURNAMENT_SIZE,
    )


def ehvi(problem: Problem, seed: int) -> SyneTuneMethod:
    # In double precision, its default, 0.16.0 mixes two kinds of floats and stops.
    return SyneTuneMethod(problem, ExpectedHyperVolumeImprovement, seed, double_precision=False)
