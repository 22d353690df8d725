"""Searches by mutation: Pareto local search, and ageing evolution with a Pareto tournament."""

from collections import deque

import numpy as np

from experiments.search_quality.methods.contract import Coding, Genome, Losses
from experiments.search_quality.problems import Problem
from nas.pareto.dominance import front_mask, ranks

NUM_LOCAL_STARTS = 10
POPULATION_SIZE = 20
TOURNAMENT_SIZE = 5


class ParetoLocalSearch:
    """Trains unknown neighbours of front members; random networks when none is left."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self._coding = Coding(problem.options)
        self._rng = np.random.default_rng(seed)
        self._known: dict[tuple[int, ...], Losses] = {}

    def ask(self) -> Genome:
        """Return the next genome."""
        if len(self._known) < NUM_LOCAL_STARTS:
            return self._coding.decode(self._coding.random(self._rng, 1)[0])
        codes = list(self._known)
        on_front = front_mask(np.array(list(self._known.values())))
        members = [codes[index] for index in np.flatnonzero(on_front)]
        for index in self._rng.permutation(len(members)):
            fresh = [code for code in self._neighbours(members[index]) if code not in self._known]
            if fresh:
                return self._coding.decode(fresh[int(self._rng.integers(len(fresh)))])
        return self._coding.decode(self._coding.random(self._rng, 1)[0])

    def tell(self, genome: Genome, losses: Losses) -> None:
        """Take a result."""
        self._known[tuple(self._coding.encode(genome).tolist())] = losses

    def _neighbours(self, code: tuple[int, ...]) -> list[tuple[int, ...]]:
        return [
            (*code[:at], option, *code[at + 1 :])
            for at, size in enumerate(self._coding.sizes.tolist())
            for option in range(size)
            if option != code[at]
        ]


class RegularizedEvolution:
    """Real et al. (AAAI 2019); the lowest rank wins a tournament, the oldest member dies."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self._coding = Coding(problem.options)
        self._rng = np.random.default_rng(seed)
        self._population: deque[tuple[np.ndarray, Losses]] = deque(maxlen=POPULATION_SIZE)

    def ask(self) -> Genome:
        """Return the next genome."""
        if len(self._population) < POPULATION_SIZE:
            return self._coding.decode(self._coding.random(self._rng, 1)[0])
        layer = ranks(np.array([losses for _, losses in self._population]))
        drawn = self._rng.permutation(POPULATION_SIZE)[:TOURNAMENT_SIZE]
        parent = min(drawn, key=lambda index: layer[index])
        return self._coding.decode(self._coding.mutate(self._population[parent][0], self._rng))

    def tell(self, genome: Genome, losses: Losses) -> None:
        """Take a result."""
        self._population.append((self._coding.encode(genome), losses))
