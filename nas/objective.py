"""Metrics, objectives and constraints: names, units and directions, the same everywhere.

A metric is anything measured. An objective is a metric that the search maximises or minimises; a
constraint is a metric that it keeps within limits. Static metrics are known before any training.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nas.errors import ConfigError, nearest_first


class Direction(StrEnum):
    """Which way is better."""

    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"


@dataclass(frozen=True)
class Metric:
    """A measured quantity.

    Attributes:
        name: the one name used in code, YAML, files and reports.
        unit: what the number counts; empty for a ratio.
        direction: which way is better.
        is_static: known from the architecture alone, before training.
        label: the words for tables and axes.
    """

    name: str
    unit: str
    direction: Direction
    is_static: bool
    label: str


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "", Direction.MAXIMIZE, False, "validation accuracy"),
        Metric("loss", "nats", Direction.MINIMIZE, False, "validation loss"),
        Metric("perplexity", "", Direction.MINIMIZE, False, "validation perplexity"),
        Metric("quality", "", Direction.MAXIMIZE, False, "quality"),
        Metric("num_params", "", Direction.MINIMIZE, True, "parameters"),
        Metric("size_bytes", "B", Direction.MINIMIZE, True, "size"),
        Metric("num_macs", "", Direction.MINIMIZE, True, "multiply-accumulates"),
        Metric("activation_bytes", "B", Direction.MINIMIZE, True, "peak activations"),
        Metric("latency_ms", "ms", Direction.MINIMIZE, False, "latency"),
        Metric("peak_memory_bytes", "B", Direction.MINIMIZE, False, "peak memory"),
        Metric("energy_j", "J", Direction.MINIMIZE, False, "energy"),
        Metric("seconds", "s", Direction.MINIMIZE, False, "time"),
    )
}


def metric_named(name: str) -> Metric:
    """Return the metric of that name.

    Raises:
        ConfigError: there is none; the known ones are listed.
    """
    if name not in METRICS:
        known = nearest_first(name, METRICS)
        raise ConfigError(f"there is no metric '{name}'; known metrics, nearest first: {known}")
    return METRICS[name]


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
