"""Syne Tune's multi-objective searchers as they are: regularised evolution, and EHVI.

In 0.16.0 the evolution's priority is the order of a sort used as if it were each member's rank:
of [3, 3], [2, 2], [1, 1], [0, 4] and [0.5, 2] the non-dominated [1, 1] gets the last place. So
parents are drawn almost at random.
"""

import warnings
from typing import Any

import numpy as np
import torch
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
BEST = 3.1  # EHVI maximises, and counts above 2
NUM_POINTS = 2000


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
        config = self._config(self._coding.encode(genome))
        if isinstance(self._searcher, ExpectedHyperVolumeImprovement):
            # Networks that it did not propose have to be entered by hand.
            self._searcher.trial_configs[self._num_told] = config
        self._searcher.on_trial_complete(self._num_told, config, list(losses))
        self._num_told += 1

    def _config(self, numbers: np.ndarray) -> dict[str, str]:
        return {f"p{i}": f"o{number}" for i, number in enumerate(numbers.tolist())}


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


class ScaledEhvi(SyneTuneMethod):
    """Expected hypervolume improvement, helped over what fails in 0.16.0.

    - Its reference point is (2, 2) of objectives to be maximised, whatever their scale: before
      each proposal the results are put where all that were seen span 2.1 to 3.1.
    - In double precision, its default, it mixes two kinds of floats and stops, unless double is
      torch's default, too; in single precision many of its models cannot be fitted.
    - Gradients lead it to networks that it knows, since options are relaxed to numbers: the best
      of random points is taken, its other strategy. Where that is known, one parameter is drawn
      anew until it is not.
    """

    def __init__(self, problem: Problem, seed: int) -> None:
        super().__init__(
            problem,
            ExpectedHyperVolumeImprovement,
            seed,
            noise_level=1e-3,
            optimization_strategy="random",
            num_raw_samples=NUM_POINTS,
        )
        self._rng = np.random.default_rng(seed)
        self._losses: list[Losses] = []
        self._known: set[tuple[int, ...]] = set()

    def ask(self) -> Genome:
        """Return the next genome."""
        if self._losses:
            losses = np.array(self._losses)
            span = np.maximum(np.ptp(losses, axis=0), 1e-9)
            told = (losses - losses.min(axis=0)) / span - BEST
            self._searcher.trial_observations = dict(enumerate(told.tolist()))
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            numbers = self._coding.encode(super().ask())
        finally:
            torch.set_default_dtype(before)
        while tuple(numbers.tolist()) in self._known:
            numbers = self._coding.mutate(numbers, self._rng)
        return self._coding.decode(numbers)

    def tell(self, genome: Genome, losses: Losses) -> None:
        """Take a result."""
        self._losses.append(losses)
        self._known.add(tuple(self._coding.encode(genome).tolist()))
        super().tell(genome, losses)
