"""From a checked configuration to what a search is after, and what it is compared with."""

import math
from collections.abc import Sequence
from typing import Any

from nas.architecture import Architecture
from nas.config.schema import AimKind, ReferencesConfig, SearchConfig
from nas.data.dataset import Dataset
from nas.errors import ConfigError
from nas.evaluation.hand_made import KEY
from nas.evaluation.trivial import trivial_models
from nas.frontier.aim import Aim
from nas.metric import Direction
from nas.objective import Constraint, Objective
from nas.record.references import Reference, floors_of

_WIDTHS = (0.25, 0.5)  # of the hand-made network, unless the user says otherwise
_SMALLEST_SIDE = 16  # pixels of images that it suits
_MANY_TRIALS = 12  # twice as many as any space here recommends
MOST_SHARE = 1 / 8  # of the trials' time that each may take, unless the user asks for it


def build_references(config: ReferencesConfig, data: Any) -> tuple[Reference, ...]:
    """Return the trivial models of classified data; nothing for tables and tasks of one's own."""
    if not config.trivial or not isinstance(data, Dataset):
        return ()
    return trivial_models(data)


def hand_made(config: SearchConfig, data: Any) -> tuple[tuple[str, Architecture], ...]:
    """Return the hand-made networks that are trained for comparison, by name.

    Raises:
        ConfigError: a width is not above 0.
    """
    if not isinstance(data, Dataset):
        return ()
    widths = config.references.mobilenetv3_small
    if widths is None:
        is_large = min(data.shape.input_shape[1:]) >= _SMALLEST_SIDE
        widths = list(_WIDTHS) if is_large else []
    bad = [width for width in widths if not width > 0]
    if bad:
        raise ConfigError(
            f"references.mobilenetv3_small: a width must be above 0, but got {bad[0]:g}"
        )
    return tuple(
        (
            f"mobilenetv3_small x{width:g}",
            Architecture({KEY: "mobilenetv3_small", "width": float(width)}),
        )
        for width in widths
    )


def build_aim(
    config: SearchConfig,
    objectives: Sequence[Objective],
    *,
    limits: Sequence[Constraint],
    references: Sequence[Reference],
) -> Aim:
    """Return which part of the objectives' space counts."""
    bounds = {limit.metric: limit for limit in limits}
    worst = tuple(_worst(objective, bounds.get(objective.metric)) for objective in objectives)
    return Aim(
        is_best=config.aim is AimKind.BEST,
        limits=worst if limits else (),
        floors=floors_of(references, objectives) if config.references.is_floor else (),
        begins_small=config.aim is not AimKind.BEST and _is_sure_of_trials(config),
    )


def _is_sure_of_trials(config: SearchConfig) -> bool:
    """Say whether so many trials come, however long they take, that their order is free."""
    stopping = config.stopping
    number = math.inf if stopping.num_trials is None else stopping.num_trials
    return config.budget is None and stopping.time_limit_s is None and number >= _MANY_TRIALS


def _worst(objective: Objective, limit: Constraint | None) -> float:
    """Return the worst loss that a limit allows; the other end of a limit bounds nothing."""
    if limit is None:
        return math.inf
    is_up = objective.direction is Direction.MAXIMIZE
    end = limit.minimum if is_up else limit.maximum
    return math.inf if end is None else objective.loss(end)
