"""Which devices does a search name, and are they all known?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas.config.recorded import table_metrics
from nas.device.places import find_device
from nas.errors import ConfigError
from nas.metric import DEVICE_METRICS, device_of, is_known


def device_metrics(values: Mapping[str, Any]) -> list[str]:
    """Return all names such as `latency_ms@pi5` in composed values, each once."""
    devices = values.get("devices")
    names = [f"latency_ms@{device}" for device in devices] if isinstance(devices, list) else []
    objectives, limits = values.get("objectives"), values.get("constraints")
    metrics = objectives.get("metrics") if isinstance(objectives, Mapping) else None
    names += (
        [name for name in metrics if isinstance(name, str)] if isinstance(metrics, list) else []
    )
    names += [str(name) for name in limits] if isinstance(limits, Mapping) else []
    return [name for name in dict.fromkeys(names) if device_of(name) is not None]


def device_faults(values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the devices that composed values name."""
    names = device_metrics(values)
    if names and table_metrics(values):
        why = "a table has no networks whose time could be predicted; give a column of the table"
        return [f"{names[0]}: {why} in its place"]
    folder = values.get("run_folder")
    place = Path(folder) if isinstance(folder, str) else None
    faults = []
    for name in names:
        _, device = device_of(name) or ("", "")
        if not is_known(name):
            known = " and ".join(f"{metric}@NAME" for metric in DEVICE_METRICS)
            faults.append(f"there is no metric '{name}'; a device has {known}")
            continue
        try:
            find_device(device, run_folder=place)
        except ConfigError as error:
            faults.append(f"{name}: {error}")
    return list(dict.fromkeys(faults))
