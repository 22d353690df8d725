"""A device: models of what networks take on it, how good they are, and what was measured how.

It is one JSON file (`device.json`), whole in itself: a model is made again from the measured
networks' operators and times, with the settings that the fit found.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nas.device.latency_model import LatencyModel
from nas.device.operators import Operator, OperatorGraph
from nas.device.similarity import Counts
from nas.device.validation import PredictionError
from nas.errors import ConfigError
from nas.files import write_text

_VERSION = 1
OURS = "nas"  # the row of our own model in a table of rivals


@dataclass(frozen=True)
class KnownDevice:
    """What is known of a device.

    Attributes:
        name: as in `latency_ms@NAME`.
        models: metric -> what predicts it.
        errors: metric -> predictor -> its error in cross-validation; ours is `OURS`.
        measured: how it was measured: threads, versions, the machine; as written in the table.
        started_from: names of the devices that the models started from.
        space: what the measured networks were drawn from.
        input_shape: (C, H, W) of the data that these were made for; empty where unknown.
    """

    name: str
    models: Mapping[str, LatencyModel]
    errors: Mapping[str, Mapping[str, PredictionError]]
    measured: Mapping[str, str] = field(default_factory=dict)
    started_from: tuple[str, ...] = ()
    space: str = ""
    input_shape: tuple[int, ...] = ()

    def predict(self, metric: str, graph: OperatorGraph) -> float:
        """Return what a network takes, in the unit of the metric."""
        return self.models[metric].predict(graph.counts)

    def high_error(self, metric: str) -> float:
        """Return by which share of the prediction nine of ten networks at most take longer."""
        return self.errors[metric][OURS].high_error


def write_device(device: KnownDevice, path: Path) -> None:
    """Write a device's file, whole or not at all."""
    content = {
        "version": _VERSION,
        "name": device.name,
        "space": device.space,
        "input_shape": list(device.input_shape),
        "started_from": list(device.started_from),
        "measured": dict(device.measured),
        "errors": {
            metric: {name: asdict(error) for name, error in errors.items()}
            for metric, errors in device.errors.items()
        },
        "models": {metric: _model_json(model) for metric, model in device.models.items()},
    }
    write_text(path, json.dumps(content, indent=1))


def read_device(path: Path) -> KnownDevice:
    """Read a device's file.

    Raises:
        ConfigError: it cannot be read, or is no such file.
    """
    remedy = "make it again: nas device fit"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != _VERSION:
            raise ConfigError(
                f"{path} has version {content['version']!r}, this nas reads {_VERSION}; {remedy}"
            )
        return KnownDevice(
            name=str(content["name"]),
            models={metric: _model(found) for metric, found in content["models"].items()},
            errors={
                metric: {name: PredictionError(**error) for name, error in errors.items()}
                for metric, errors in content["errors"].items()
            },
            measured={str(k): str(v) for k, v in content["measured"].items()},
            started_from=tuple(content["started_from"]),
            space=str(content["space"]),
            input_shape=tuple(int(size) for size in content.get("input_shape", ())),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        what = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{path} holds no device ({what}); {remedy}") from error


def operators_json(networks: tuple[Counts, ...]) -> dict[str, Any]:
    """Return the operators of networks as plain values, each operator once."""
    operators = list(dict.fromkeys(o for counts in networks for o in counts))
    place = {operator: index for index, operator in enumerate(operators)}
    return {
        "fields": list(Operator._fields),
        "operators": [list(operator) for operator in operators],
        "networks": [[[place[o], n] for o, n in counts.items()] for counts in networks],
    }


def operators_from(content: Mapping[str, Any]) -> tuple[Counts, ...]:
    """Return the operators of networks from plain values."""
    fields = content["fields"]
    operators = [
        Operator(**dict(zip(fields, values, strict=True))) for values in content["operators"]
    ]
    return tuple({operators[i]: int(n) for i, n in pairs} for pairs in content["networks"])


def _model_json(model: LatencyModel) -> dict[str, Any]:
    return {
        **operators_json(model.networks),
        "times": model.times.tolist(),
        "log_variances": model.log_variances.tolist(),
        "noise_scale": model.noise_scale.tolist(),
        "known": [_model_json(known) for known in model.known],
    }


def _model(content: Mapping[str, Any]) -> LatencyModel:
    numbers = (content[name] for name in ("times", "log_variances", "noise_scale"))
    times, log_variances, noise_scale = (np.asarray(values, dtype=float) for values in numbers)
    return LatencyModel(
        operators_from(content),
        times,
        log_variances,
        noise_scale,
        tuple(_model(known) for known in content["known"]),
    )
