"""What costs follow from a network's operators? Memory at 8 bits, and times on devices."""

from collections.abc import Callable, Collection, Mapping

from nas.device.device import KnownDevice
from nas.device.memory import flash_bytes, ram_bytes
from nas.device.operators import OperatorGraph
from nas.metric import device_of

MEMORY: Mapping[str, Callable[[OperatorGraph], int]] = {
    "ram_bytes": ram_bytes,
    "flash_bytes": flash_bytes,
}


def from_operators(metric: str) -> bool:
    """Say whether a metric follows from a network's operators."""
    return metric in MEMORY or device_of(metric) is not None


def operator_costs(
    graph: OperatorGraph, *, metrics: Collection[str], devices: Mapping[str, KnownDevice]
) -> dict[str, float]:
    """Return those of some metrics that follow from a network's operators.

    Args:
        graph: the network.
        metrics: names; others are left out.
        devices: name -> device, each that the metrics name.
    """
    found: dict[str, float] = {}
    for name in metrics:
        on_device = device_of(name)
        if on_device is not None:
            metric, device = on_device
            found[name] = devices[device].predict(metric, graph)
        elif name in MEMORY:
            found[name] = float(MEMORY[name](graph))
    return found
