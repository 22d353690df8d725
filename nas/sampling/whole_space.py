"""Samplers that are shown the whole space at every ask.

Optuna shows a relative sampler what past trials have in common. Our space is known beforehand, so
nothing has to be found out from trials, and no parameter is left to independent draws.
"""

from collections.abc import Mapping

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.space.space import SearchSpace


class WholeSpaceSampler(BaseSampler):
    """Draws all parameters of a space together.

    Args:
        space: the space that is drawn from.
        flat: a distribution of every parameter.
    """

    def __init__(self, space: SearchSpace, flat: Mapping[str, BaseDistribution]) -> None:
        self._space = space
        self._flat = dict(flat)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the whole space, which is known, not what past trials have in common."""
        del study, trial
        return self._flat
