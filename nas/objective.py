"""Objectives and constraints: what a search does with metrics (`nas.metric`).

An objective is a metric that the search maximises or minimises; a constraint is a metric that it
keeps within limits. Static metrics are known before any training.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nas.metric import Direction, metric_named


@dataclass(frozen=True)
class Objective:
    """A metric to make better.

    Attributes:
        metric: the name of the metric.
        direction: which way is better.
        is_static: known from the architecture alone, before training.
    """

    metric: str
    direction: Direction
    is_static: bool

    def loss(self, value: float) -> float:
        """Return the value so that lower is better."""
        return -value if self.direction is Direction.MAXIMIZE else value


def objective_for(metric: str) -> Objective:
    """Return the objective that makes a known metric better.

    Raises:
        ConfigError: there is no such metric.
    """
    found = metric_named(metric)
    return Objective(found.name, found.direction, found.is_static)


def losses(
    objectives: Sequence[Objective], metrics: Mapping[str, float]
) -> tuple[float, ...] | None:
    """Return the objectives' values in loss form; None if one is absent or not finite."""
    values = [metrics.get(objective.metric, math.nan) for objective in objectives]
    if not all(math.isfinite(value) for value in values):
        return None
    return tuple(o.loss(value) for o, value in zip(objectives, values, strict=True))


@dataclass(frozen=True)
class Constraint:
    """Limits that a metric must keep, both inclusive.

    Attributes:
        metric: the name of the metric.
        minimum: lowest value allowed, or None.
        maximum: highest value allowed, or None.
    """

    metric: str
    minimum: float | None = None
    maximum: float | None = None

    def excess(self, value: float) -> float:
        """Return by how much `value` breaks the limits, as a share of the limit; else 0.0."""
        if self.maximum is not None and value > self.maximum:
            return (value - self.maximum) / max(abs(self.maximum), 1e-12)
        if self.minimum is not None and value < self.minimum:
            return (self.minimum - value) / max(abs(self.minimum), 1e-12)
        return 0.0

    def __str__(self) -> str:
        limits = []
        if self.minimum is not None:
            limits.append(f"{self.metric} >= {self.minimum:g}")
        if self.maximum is not None:
            limits.append(f"{self.metric} <= {self.maximum:g}")
        return " and ".join(limits)


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """Say whether a point is no worse than another in any loss, and better in one.

    >>> dominates((0.1, 5.0), (0.1, 6.0)), dominates((0.1, 5.0), (0.1, 5.0))
    (True, False)
    """
    return all(a <= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)
