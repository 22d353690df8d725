"""A search like MSuNAS (Lu et al., NSGANetV2, ECCV 2020): a surrogate inside an evolution.

Random starts; then again and again: an RBF surrogate of the quality, an evolution over (predicted
quality, exact size), and the few members of its front that fill the widest gaps are trained. The
paper starts from 100 networks and adds 8 at a time; with 100 trainings in all, 25 and 5 are used.
"""

import numpy as np
from scipy.interpolate import RBFInterpolator

from experiments.search_quality.methods.contract import Coding, Genome, Losses
from experiments.search_quality.problems import Problem, log_size
from nas.pareto.dominance import front_mask, ranks

NUM_STARTS = 25
BATCH_SIZE = 5
INNER_POPULATION = 60
INNER_GENERATIONS = 20


class MsunasLike:
    """Surrogate of quality, exact size, no uncertainty."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self._problem = problem
        self._coding = Coding(problem.options)
        self._rng = np.random.default_rng(seed)
        self._known: dict[tuple[int, ...], Losses] = {}
        self._sizes: dict[tuple[int, ...], float] = {}
        self._waiting: list[np.ndarray] = []

    def ask(self) -> Genome:
        """Return the next genome."""
        if len(self._known) < NUM_STARTS:
            return self._coding.decode(self._coding.random(self._rng, 1)[0])
        if not self._waiting:
            self._waiting = self._next_batch()
        return self._coding.decode(self._waiting.pop(0))

    def tell(self, genome: Genome, losses: Losses) -> None:
        """Take a result."""
        self._known[tuple(self._coding.encode(genome).tolist())] = losses

    def _next_batch(self) -> list[np.ndarray]:
        codes = np.array(list(self._known))
        quality = np.array([losses[0] for losses in self._known.values()])
        model = RBFInterpolator(
            self._coding.one_hot(codes), quality, kernel="cubic", degree=0, smoothing=1e-3
        )
        candidates, losses = self._evolve(codes, model)
        fresh = [i for i, code in enumerate(candidates) if tuple(code.tolist()) not in self._known]
        if not fresh:
            return [self._coding.random(self._rng, 1)[0]]
        return [candidates[i] for i in self._spread(fresh, losses)]

    def _evolve(self, codes: np.ndarray, model: RBFInterpolator) -> tuple[np.ndarray, np.ndarray]:
        """Return the front of an evolution over predicted quality and exact size."""
        fresh = self._coding.random(self._rng, INNER_POPULATION)
        population = np.unique(np.concatenate([codes, fresh]), axis=0)
        losses = self._predict(population, model)
        for _ in range(INNER_GENERATIONS):
            keep = np.argsort(ranks(losses), kind="stable")[:INNER_POPULATION]
            population, losses = population[keep], losses[keep]
            partners = population[self._rng.integers(len(population), size=INNER_POPULATION)]
            parents = population[self._rng.integers(len(population), size=INNER_POPULATION)]
            mixed = np.where(self._rng.random(parents.shape) < 0.5, parents, partners)
            children = np.array([self._coding.mutate(code, self._rng) for code in mixed])
            both = np.unique(np.concatenate([population, children]), axis=0)
            population, losses = both, self._predict(both, model)
        on_front = front_mask(losses)
        return population[on_front], losses[on_front]

    def _predict(self, codes: np.ndarray, model: RBFInterpolator) -> np.ndarray:
        sizes = [self._size(tuple(code)) for code in codes.tolist()]
        return np.column_stack([model(self._coding.one_hot(codes)), sizes])

    def _size(self, code: tuple[int, ...]) -> float:
        if code not in self._sizes:
            architecture = self._problem.space.architecture(self._coding.decode(code))
            self._sizes[code] = log_size(self._problem, architecture)
        return self._sizes[code]

    def _spread(self, fresh: list[int], losses: np.ndarray) -> list[int]:
        """Pick the candidates furthest in size from what is trained and picked."""
        trained = np.array(list(self._known.values()))
        taken = trained[front_mask(trained), 1].tolist()
        picked: list[int] = []
        for _ in range(min(BATCH_SIZE, len(fresh))):
            rest = [i for i in fresh if i not in picked]
            gaps = [min(abs(losses[i, 1] - size) for size in taken) for i in rest]
            best = rest[int(np.argmax(gaps))]
            picked.append(best)
            taken.append(float(losses[best, 1]))
        return picked
