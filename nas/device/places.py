"""Where do devices lie, and what may they be called?

Each has a folder `devices/NAME` where the command was started:
    networks/, networks.json, measure.py, README.md   what travels to the device
    measured.csv    what `measure.py` wrote there, as it was given to `nas device fit`
    device.json     the model; all that a search needs
A run keeps a copy of the models that it used in its own folder.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from nas.errors import ConfigError, nearest_first

DEVICES = Path("devices")
DEVICE_JSON, NETWORKS_JSON, MEASURED_CSV = "device.json", "networks.json", "measured.csv"
NETWORKS, MEASURE_PY = "networks", "measure.py"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def checked_device_name(name: str) -> str:
    """Return the name of a device.

    Raises:
        ConfigError: it has other characters than letters, digits, `_` and `-`, or too many.
    """
    if _NAME.fullmatch(name) is None:
        raise ConfigError(
            "a device is named by 1 to 64 letters, digits, _ or -, the first a letter or a digit, "
            f"but got {name[:80]!r}; write latency_ms@pi5, for example"
        )
    return name


def device_folder(name: str) -> Path:
    """Return the folder of a device, whether it exists or not.

    Raises:
        ConfigError: it cannot be called so.
    """
    return DEVICES / checked_device_name(name)


def known_devices() -> list[str]:
    """Return the names of the devices that have a model."""
    return sorted(place.parent.name for place in DEVICES.glob(f"*/{DEVICE_JSON}"))


def find_device(name: str, *, run_folder: Path | None = None) -> Path:
    """Return the file of a device's model.

    Args:
        name: of the device.
        run_folder: of a run, whose own copy comes first.

    Raises:
        ConfigError: it cannot be called so, or there is none; says what to do.
    """
    own = kept_in(run_folder, checked_device_name(name)) if run_folder is not None else None
    if own is not None and own.is_file():
        return own
    path = device_folder(name) / DEVICE_JSON
    if path.is_file():
        return path
    raise ConfigError(f"there is no model of the device '{name}' ({path}); {_advice(name)}")


def kept_in(run_folder: Path, name: str) -> Path:
    """Return where a run keeps the model of a device."""
    return run_folder / "devices" / f"{name}.json"


def _advice(name: str) -> str:
    if (device_folder(name) / NETWORKS_JSON).is_file():
        return (
            f"its networks are written: run {MEASURE_PY} on the device, then "
            f"nas device fit {name} {MEASURED_CSV}"
        )
    known: Sequence[str] = known_devices()
    near = f"known, nearest first: {nearest_first(name, known)}; or " if known else ""
    return f"{near}make one with nas device new {name} and nas device fit {name} {MEASURED_CSV}"
