"""Ax with its own default strategy: a centre point, Sobol, then BoTorch (qLogNEHVI)."""

import logging
import warnings

from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig

from experiments.search_quality.methods.contract import Coding, Genome, Losses
from experiments.search_quality.problems import Problem

logging.getLogger("ax").setLevel(logging.ERROR)


class AxMethod:
    """An Ax client with unordered choices and two objectives."""

    def __init__(self, problem: Problem, seed: int) -> None:
        warnings.filterwarnings("ignore")
        self._coding = Coding(problem.options)
        self._client = Client(random_seed=seed)
        self._client.configure_experiment(
            parameters=[
                ChoiceParameterConfig(
                    name=f"p{i}",
                    values=list(range(size)),
                    parameter_type="int",
                    is_ordered=False,
                )
                for i, size in enumerate(self._coding.sizes.tolist())
            ]
        )
        self._client.configure_optimization(objective="-quality_loss, -size_loss")
        self._asked: tuple[int, Genome] | None = None

    def ask(self) -> Genome:
        """Return the next genome."""
        number, values = next(iter(self._client.get_next_trials(max_trials=1).items()))
        genome = self._coding.decode([values[f"p{i}"] for i in range(len(self._coding.names))])
        self._asked = (number, genome)
        return genome

    def tell(self, genome: Genome, losses: Losses) -> None:
        """Take a result."""
        data = {"quality_loss": losses[0], "size_loss": losses[1]}
        if self._asked is not None and genome is self._asked[1]:
            self._client.complete_trial(trial_index=self._asked[0], raw_data=data)
            self._asked = None
            return
        values = {f"p{i}": int(n) for i, n in enumerate(self._coding.encode(genome))}
        number = self._client.attach_trial(parameters=values)
        self._client.complete_trial(trial_index=number, raw_data=data)
