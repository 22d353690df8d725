"""Which objectives of a study does training measure, and which are known beforehand?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from optuna.study import StudyDirection

from nas.errors import InvalidObjectivesError
from nas.metric import Direction
from nas.objective import Objective

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Goals:
    """Which objectives are known beforehand, and which way they go.

    Attributes:
        is_static: for each objective of the study, whether it is known without training.
        signs: what a value is multiplied with to be a loss.
    """

    is_static: tuple[bool, ...]
    signs: tuple[float, ...]

    @property
    def static(self) -> list[int]:
        """Columns that are known beforehand."""
        return [i for i, known in enumerate(self.is_static) if known]

    @property
    def measured(self) -> list[int]:
        """Columns that only training tells."""
        return [i for i, known in enumerate(self.is_static) if not known]

    def measured_losses(self, values: FloatArray) -> FloatArray:
        """Return the measured objectives' losses (n, d) of a study's values (n, m)."""
        return np.asarray(values[:, self.measured] * np.array(self.signs)[self.measured])


def goals_of(
    directions: Sequence[StudyDirection], objectives: Sequence[Objective] | None
) -> Goals:
    """Return the goals of a study.

    Args:
        directions: of the study.
        objectives: in the order of the directions; None for accuracy and size.

    Raises:
        InvalidObjectivesError: they do not fit the directions, or none is measured.
    """
    if objectives is None:
        is_static = tuple(direction is StudyDirection.MINIMIZE for direction in directions)
        if sorted(is_static) != [False, True]:
            names = [direction.name.lower() for direction in directions]
            raise InvalidObjectivesError(
                f"the study's directions are {names}; without `objectives` there must be two, "
                "accuracy (maximize) and size (minimize)"
            )
    else:
        given = [o.direction is Direction.MAXIMIZE for o in objectives]
        if given != [direction is StudyDirection.MAXIMIZE for direction in directions]:
            raise InvalidObjectivesError(
                f"the objectives {[f'{o.metric}: {o.direction.value}' for o in objectives]} are "
                f"not those of the study: {[direction.name.lower() for direction in directions]}"
            )
        is_static = tuple(objective.is_static for objective in objectives)
        if all(is_static):
            raise InvalidObjectivesError(
                f"all objectives ({', '.join(o.metric for o in objectives)}) are known without "
                "training; add one that is measured"
            )
    signs = tuple(-1.0 if d is StudyDirection.MAXIMIZE else 1.0 for d in directions)
    return Goals(is_static, signs)
