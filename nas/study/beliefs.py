"""What does a sampler with a model of its own believe of noisy results?

Such a sampler knows that an accuracy was read on few examples, and what it expects of a network
after all results is nearer to the truth than the one reading (`nas.record.beliefs`).
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from optuna.samplers import BaseSampler
from optuna.study import Study

from nas.objective import Objective
from nas.record.beliefs import Beliefs

# The metric that is a share of examples.
NOISY = "accuracy"
# With fewer results a model has nothing to go by but its priors.
MIN_RESULTS = 16


@runtime_checkable
class Believes(Protocol):
    """A sampler that says what it makes of noisy results."""

    @property
    def num_judged(self) -> int:
        """Examples that an accuracy was read on; 0 where readings are exact, or nobody knows."""
        ...

    def believed(self, study: Study) -> Mapping[int, Sequence[float]]:
        """Return number of a complete trial -> its values as they are believed."""
        ...


def beliefs_of(
    sampler: BaseSampler,
    study: Study,
    *,
    numbers: Mapping[int, int],
    objectives: Sequence[Objective],
) -> Beliefs:
    """Return number on record -> metric -> believed value; nothing where readings are exact.

    Args:
        sampler: of the study.
        study: of all trainings.
        numbers: number on record -> number in the study.
        objectives: of the study; static ones are known, not believed.
    """
    if not isinstance(sampler, Believes) or not sampler.num_judged:
        return {}
    columns = [c for c, objective in enumerate(objectives) if objective.metric == NOISY]
    believed = sampler.believed(study) if columns else {}
    if len(believed) < MIN_RESULTS:
        return {}
    return {
        number: {NOISY: float(believed[place][columns[0]])}
        for number, place in numbers.items()
        if place in believed
    }
