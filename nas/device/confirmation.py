"""Did networks take on the device what was predicted?"""

from dataclasses import dataclass

import numpy as np

from nas.device.device import KnownDevice
from nas.device.measured import Measurements
from nas.device.validation import PredictionError, prediction_error

LATENCY = "latency_ms"


@dataclass(frozen=True)
class ConfirmedNetwork:
    """A network's predicted and measured time, ms."""

    name: str
    predicted: float
    measured: float

    @property
    def off(self) -> float:
        """By which share of the prediction it took longer; below 0 where it was quicker."""
        return self.measured / self.predicted - 1


def confirmed(
    device: KnownDevice, measured: Measurements
) -> tuple[list[ConfirmedNetwork], PredictionError]:
    """Return each network's times, quickest first, and how far they are apart."""
    predicted = [device.models[LATENCY].predict(network.counts) for network in measured.networks]
    values = measured.values[LATENCY]
    rows = [ConfirmedNetwork(*row) for row in zip(measured.names, predicted, values, strict=True)]
    error = prediction_error(np.array(predicted), np.array(values))
    return sorted(rows, key=lambda row: row.predicted), error
