"""This project's own sampler in a plain Optuna study: exact size, free facts, one GP."""

from collections.abc import Callable, Sequence

import optuna

from experiments.search_quality.methods.contract import Genome, Losses
from experiments.search_quality.problems import Problem, log_size
from nas.architecture import Architecture
from nas.frontier.sampler import FrontierSampler
from nas.frontier.warm_start import Results
from nas.sampling.distributions import flat_distributions
from nas.space.facts import Facts

optuna.logging.set_verbosity(optuna.logging.ERROR)


class FrontierMethod:
    """A study in memory; quality is maximised, and the size is known beforehand."""

    def __init__(
        self,
        problem: Problem,
        facts: Callable[[Architecture], Facts | None],
        seed: int,
        *,
        warm_start: Sequence[Results] = (),
        num_judged: int = 0,
    ) -> None:
        sampler = FrontierSampler(
            problem.space, facts, seed=seed, warm_start=warm_start, num_judged=num_judged
        )
        self._study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
        self._flat = flat_distributions(problem.space)
        self._asked: tuple[optuna.Trial, Genome] | None = None

    def ask(self) -> Genome:
        """Return the next genome."""
        trial = self._study.ask(self._flat)
        self._asked = (trial, dict(trial.params))
        return self._asked[1]

    def tell(self, genome: Genome, losses: Losses) -> None:
        """Take a result."""
        values = (-losses[0], 10 ** losses[1])
        if self._asked is not None and genome is self._asked[1]:
            self._study.tell(self._asked[0], values)
            self._asked = None
            return
        self._study.add_trial(
            optuna.create_trial(params=genome, distributions=self._flat, values=values)
        )


def with_facts(problem: Problem, seed: int) -> FrontierMethod:
    """What a run of `nas search` knows: the size, the table's other free columns, the choices."""
    return FrontierMethod(problem, problem.facts, seed)


def size_only(problem: Problem, seed: int) -> FrontierMethod:
    """The size and the choices."""

    def facts(architecture: Architecture) -> Facts:
        size = log_size(problem, architecture)
        return Facts(log_size=size, identity=problem.identity(architecture))

    return FrontierMethod(problem, facts, seed)
