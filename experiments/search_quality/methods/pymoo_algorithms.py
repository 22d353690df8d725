"""pymoo's NSGA-II and AGE-MOEA-II on option numbers: uniform crossover, random-reset mutation."""

from typing import Any

import numpy as np
from pymoo.algorithms.moo.age2 import AGEMOEA2
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.algorithm import Algorithm
from pymoo.core.evaluator import Evaluator
from pymoo.core.mutation import Mutation
from pymoo.core.problem import Problem as PymooProblem
from pymoo.core.sampling import Sampling
from pymoo.operators.crossover.ux import UX
from pymoo.problems.static import StaticProblem

from experiments.search_quality.methods.contract import Coding, Genome, Losses
from experiments.search_quality.problems import Problem

POPULATION_SIZE = 20


class RandomOptions(Sampling):  # type: ignore[misc]  # pymoo is untyped
    """Random option numbers."""

    def __init__(self, coding: Coding) -> None:
        super().__init__()
        self._coding = coding

    def _do(self, problem: Any, n_samples: int, *_: Any, random_state: Any, **__: Any) -> Any:
        del problem
        return self._coding.random(random_state, n_samples)


class ResetMutation(Mutation):  # type: ignore[misc]  # pymoo is untyped
    """Draws one option anew per genome on average."""

    def __init__(self, coding: Coding) -> None:
        super().__init__()
        self._coding = coding

    def _do(self, problem: Any, X: Any, *_: Any, random_state: Any, **__: Any) -> Any:  # noqa: N803
        del problem
        drawn = self._coding.random(random_state, len(X))
        return np.where(random_state.random(X.shape) < 1 / X.shape[1], drawn, X)


class PymooMethod:
    """An algorithm of pymoo, one individual at a time."""

    def __init__(self, problem: Problem, algorithm: type[Algorithm], seed: int) -> None:
        self._coding = Coding(problem.options)
        sizes = self._coding.sizes
        self._pymoo = PymooProblem(n_var=len(sizes), n_obj=2, xl=0, xu=sizes - 1, vtype=int)
        self._algorithm = algorithm(
            pop_size=POPULATION_SIZE,
            sampling=RandomOptions(self._coding),
            crossover=UX(),
            mutation=ResetMutation(self._coding),
            eliminate_duplicates=True,
        )
        self._algorithm.setup(self._pymoo, termination=("n_gen", 10**9), seed=seed, verbose=False)
        self._infills: Any = None
        self._results: list[Losses] = []
        self._asked: Genome | None = None

    def ask(self) -> Genome:
        """Return the next genome."""
        if self._infills is None:
            self._infills = self._algorithm.ask()
        self._asked = self._coding.decode(self._infills[len(self._results)].X)
        return self._asked

    def tell(self, genome: Genome, losses: Losses) -> None:
        """Take a result."""
        if genome is not self._asked:
            return  # pymoo takes no individual that it did not ask for
        self._results.append(losses)
        if len(self._results) == len(self._infills):
            static = StaticProblem(self._pymoo, F=np.array(self._results))
            Evaluator().eval(static, self._infills)
            self._algorithm.tell(infills=self._infills)
            self._infills, self._results = None, []


def nsga2(problem: Problem, seed: int) -> PymooMethod:
    return PymooMethod(problem, NSGA2, seed)


def age_moea2(problem: Problem, seed: int) -> PymooMethod:
    return PymooMethod(problem, AGEMOEA2, seed)
