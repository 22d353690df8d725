"""Which of Optuna's classes may stand in a configuration?"""

from typing import Any

import optuna


def sampler_classes() -> tuple[type[Any], ...]:
    """Return the class that all samplers are of."""
    return (optuna.samplers.BaseSampler,)


def crossover_classes() -> tuple[type[Any], ...]:
    """Return the class that all crossovers are of; none where this Optuna has no such class."""
    found = getattr(getattr(optuna.samplers, "nsgaii", None), "BaseCrossover", None)
    return () if found is None else (found,)
