"""From measurements to a device: its models, and how good they are beside simple rivals."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from nas.device.device import OURS, KnownDevice
from nas.device.latency_model import LatencyModel, fit_latency_model
from nas.device.measured import MIN_NETWORKS, GivenNetwork, Measurements
from nas.device.similarity import FloatArray
from nas.device.validation import (
    PredictionError,
    cross_validated,
    line_through,
    prediction_error,
)

LATENCY = "latency_ms"
_FAR = 3.0  # times as long, or as short, as expected

RIVALS: Mapping[str, Callable[[GivenNetwork], float]] = {
    "multiply-accumulates alone": lambda network: network.num_macs,
    "parameters alone": lambda network: network.num_params,
}


def fit_device(
    name: str,
    measured: Measurements,
    *,
    start_from: Sequence[KnownDevice] = (),
    space: str = "",
    input_shape: Sequence[int] = (),
) -> KnownDevice:
    """Return a device of what was measured on it.

    Args:
        name: of the device.
        measured: times, and energies where the device has a meter.
        start_from: devices that this one resembles.
        space: what the networks were drawn from.
        input_shape: (C, H, W) of the data that they were made for; empty where unknown.
    """
    models, errors = {}, {}
    for metric, values in measured.values.items():
        numbers = np.array(values)
        places = np.flatnonzero(np.isfinite(numbers))
        if len(places) < MIN_NETWORKS:
            continue
        networks = [measured.networks[place] for place in places]
        known = [device.models[metric] for device in start_from if metric in device.models]
        models[metric], errors[metric] = _fitted(networks, numbers[places], known)
    return KnownDevice(
        name,
        models,
        errors,
        dict(measured.told),
        tuple(device.name for device in start_from),
        space,
        tuple(input_shape),
    )


def far_off(device: KnownDevice, measured: Measurements) -> list[tuple[str, float, float]]:
    """Return networks whose times are not to be believed: name, measured and expected, ms.

    The model gives such times little weight, so it says what the others lead to expect.
    """
    expected = [device.models[LATENCY].predict(network.counts) for network in measured.networks]
    rows = zip(measured.names, measured.values[LATENCY], expected, strict=True)
    return [row for row in rows if not 1 / _FAR <= row[1] / row[2] <= _FAR]


def _fitted(
    networks: Sequence[GivenNetwork], values: FloatArray, known: Sequence[LatencyModel]
) -> tuple[LatencyModel, dict[str, PredictionError]]:
    counts = [network.counts for network in networks]
    errors = {OURS: prediction_error(cross_validated(counts, values, known=known), values)}
    for rival, cost_of in RIVALS.items():
        costs = np.array([cost_of(network) for network in networks], dtype=float)
        errors[rival] = prediction_error(line_through(costs, values), values)
    return fit_latency_model(counts, list(values), known=known), errors
