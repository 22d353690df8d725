"""Metrics: everything that is measured, described once.

Constraints, objectives, picks, tables, pictures and the page all follow from what stands here. A
new metric is one entry in `METRICS` and its measurement (`nas.measure`, or a task's own).
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from nas.errors import ConfigError, nearest_first


class Direction(StrEnum):
    """Which way is better."""

    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"


class Scale(StrEnum):
    """What kind of number a metric is, and hence how it is read and drawn."""

    SHARE = "share"  # of 1, read as percent
    COUNT = "count"  # of things or bytes; read as k, M, G, drawn by its logarithm
    QUANTITY = "quantity"  # anything else, read with its unit


@dataclass(frozen=True)
class Metric:
    """A measured quantity.

    Attributes:
        name: the one name used in code, YAML, files and reports.
        direction: which way is better.
        label: the words for tables and axes.
        scale: what kind of number it is.
        unit: what the number counts, as it is written behind it; empty for none.
        is_static: known from the architecture alone, before training.
        heading: shorter words, for the head of a column; the label where empty.
    """

    name: str
    direction: Direction
    label: str
    scale: Scale = Scale.QUANTITY
    unit: str = ""
    is_static: bool = False
    heading: str = ""

    @property
    def shown_unit(self) -> str:
        """The unit in which the number is read: percent for a share."""
        return "%" if self.scale is Scale.SHARE else self.unit


_UP, _DOWN = Direction.MAXIMIZE, Direction.MINIMIZE

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", _UP, "validation accuracy", Scale.SHARE, heading="accuracy"),
        Metric("loss", _DOWN, "validation loss", heading="loss"),
        Metric("perplexity", _DOWN, "validation perplexity", heading="perplexity"),
        Metric("bits_per_byte", _DOWN, "validation bits per byte", heading="bits/byte"),
        Metric("agreement", _UP, "agreement with the teacher", heading="agreement"),
        Metric("probe_accuracy", _UP, "accuracy of a probe", Scale.SHARE, heading="probe"),
        Metric("quality", _UP, "quality"),
        Metric("num_params", _DOWN, "parameters", Scale.COUNT, "", True, "params"),
        Metric("size_bytes", _DOWN, "size", Scale.COUNT, "B", True),
        Metric(
            "num_body_params", _DOWN, "non-embedding parameters", Scale.COUNT, "", True, "body"
        ),
        Metric(
            "kv_bytes_per_token", _DOWN, "cache per token", Scale.COUNT, "B", True, "cache/token"
        ),
        Metric("trained_bytes", _DOWN, "trained weights", Scale.COUNT, "B", True, "trained"),
        Metric("num_macs", _DOWN, "multiply-accumulates", Scale.COUNT, "", True, "MACs"),
        Metric("activation_bytes", _DOWN, "peak activations", Scale.COUNT, "B", True),
        Metric("ram_bytes", _DOWN, "RAM at 8 bits", Scale.COUNT, "B", True, "RAM"),
        Metric("flash_bytes", _DOWN, "flash at 8 bits", Scale.COUNT, "B", True, "flash"),
        Metric("latency_ms", _DOWN, "latency", unit="ms"),
        Metric("tokens_per_s", _UP, "tokens per second", unit="tokens/s", heading="tokens/s"),
        Metric("peak_memory_bytes", _DOWN, "peak memory", Scale.COUNT, "B"),
        Metric("energy_j", _DOWN, "energy", unit="J"),
        Metric("seconds", _DOWN, "time", unit="s"),
        Metric(
            "training_share", _DOWN, "share of a full training", Scale.SHARE, heading="trained"
        ),
        Metric(
            "supernet_share",
            _UP,
            "share of weights from a supernet",
            Scale.SHARE,
            heading="sliced",
        ),
    )
}

# Those that language models alone have.
LANGUAGE_METRICS = (
    "bits_per_byte",
    "agreement",
    "probe_accuracy",
    "num_body_params",
    "kv_bytes_per_token",
    "trained_bytes",
    "tokens_per_s",
)
STATIC_METRICS = tuple(metric.name for metric in METRICS.values() if metric.is_static)
# What a model of a device predicts, so that it is known before training: `latency_ms@pi5`.
DEVICE_METRICS = ("latency_ms", "energy_j")
AT = "@"


def on_device(metric: str, device: str) -> str:
    """Return the name of a metric on a device.

    >>> on_device("latency_ms", "pi5")
    'latency_ms@pi5'
    """
    return f"{metric}{AT}{device}"


def device_of(name: str) -> tuple[str, str] | None:
    """Return metric and device of a name such as `latency_ms@pi5`; None for any other name.

    >>> device_of("latency_ms@pi5"), device_of("latency_ms")
    (('latency_ms', 'pi5'), None)
    """
    metric, at, device = name.partition(AT)
    return (metric, device) if at else None


def is_known(name: str) -> bool:
    """Say whether a name is that of a metric, of one on a device included."""
    found = device_of(name)
    return name in METRICS if found is None else found[0] in DEVICE_METRICS and bool(found[1])


def metric_named(name: str) -> Metric:
    """Return the metric of that name.

    Raises:
        ConfigError: there is none; the known ones are listed.
    """
    found = device_of(name)
    if found is not None and not is_known(name):
        raise ConfigError(
            f"there is no metric '{name}'; a model of a device predicts "
            f"{' and '.join(DEVICE_METRICS)}: write latency_ms@NAME with the name of a device"
        )
    if found is None and name not in METRICS:
        known = nearest_first(name, METRICS)
        raise ConfigError(f"there is no metric '{name}'; known metrics, nearest first: {known}")
    return describe_metric(name)


def describe_metric(name: str) -> Metric:
    """Return a known metric, or what the name of another one (a table's column) tells of it.

    >>> describe_metric("model_bytes").unit, describe_metric("num_layers").scale.value
    ('B', 'count')
    >>> describe_metric("latency_ms@pi5").label
    'latency on pi5'
    """
    found = device_of(name)
    if found is not None and is_known(name):
        metric = METRICS[found[0]]
        return replace(metric, name=name, label=f"{metric.label} on {found[1]}", is_static=True)
    if name in METRICS:
        return METRICS[name]
    is_bytes = name.endswith("_bytes")
    scale = Scale.COUNT if is_bytes or name.startswith("num_") else Scale.QUANTITY
    return Metric(name, Direction.MINIMIZE, name, scale, "B" if is_bytes else "")


def is_share(name: str) -> bool:
    """Say whether a metric is a share of 1, read as percent."""
    return describe_metric(name).scale is Scale.SHARE


def is_count(name: str) -> bool:
    """Say whether a metric counts things or bytes, so that it spans orders of magnitude."""
    return describe_metric(name).scale is Scale.COUNT
