"""Which devices does a search predict for? Their models, read from their files.

A run keeps a copy of each in its folder, so that it goes on with the same predictions wherever and
whenever that is.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nas.device.device import OURS, KnownDevice, read_device
from nas.device.places import find_device, kept_in
from nas.errors import ConfigError
from nas.files import write_bytes
from nas.metric import device_of, on_device
from nas.objective import Constraint


def devices_of(metrics: Sequence[str], *, run_folder: Path) -> dict[str, KnownDevice]:
    """Return the devices that metrics name, by name.

    Raises:
        ConfigError: there is no model, it cannot be read, or it does not predict that metric.
    """
    found: dict[str, KnownDevice] = {}
    for name in metrics:
        named = device_of(name)
        if named is None:
            continue
        metric, device = named
        if device not in found:
            found[device] = read_device(find_device(device, run_folder=run_folder))
        if metric not in found[device].models:
            known = ", ".join(found[device].models)
            raise ConfigError(
                f"{name}: the model of {device} predicts {known}; no {metric} was measured there"
            )
    return found


def keep_devices(devices: Mapping[str, KnownDevice], *, run_folder: Path) -> None:
    """Copy the files of devices into a run's folder, where they are not yet."""
    for name in devices:
        place = kept_in(run_folder, name)
        if not place.is_file():
            write_bytes(place, find_device(name).read_bytes())


def kept_devices(run_folder: Path) -> dict[str, KnownDevice]:
    """Return the devices whose models a run kept.

    Raises:
        ConfigError: a file is damaged.
    """
    places = sorted((run_folder / "devices").glob("*.json"))
    return {path.stem: read_device(path) for path in places}


def within_error(constraint: Constraint, devices: Mapping[str, KnownDevice]) -> Constraint:
    """Return what a prediction must keep for nine of ten networks to keep a limit on a device.

    A limit of another metric stays as it is, and so does the lower end.
    """
    named = device_of(constraint.metric)
    if named is None or constraint.maximum is None:
        return constraint
    metric, device = named
    return replace(
        constraint, maximum=constraint.maximum / (1 + devices[device].high_error(metric))
    )


def device_notes(
    devices: Mapping[str, KnownDevice],
    limits: Sequence[Constraint],
    *,
    input_shape: Sequence[int] = (),
) -> list[str]:
    """Return what is to be told of predictions: how good they are, and what limits mean.

    Args:
        devices: name -> device.
        limits: of the search.
        input_shape: (C, H, W) of the search's data, where these are images.
    """
    notes = []
    for name, device in devices.items():
        if _are_far_apart(device.input_shape, input_shape):
            sides, own = ("x".join(map(str, s)) for s in (device.input_shape, input_shape))
            notes.append(
                f"{name} was measured with networks for data of {sides}, this search has {own}: "
                "what it predicts for other sizes is less sure than told; nas device new with the "
                "settings of this search writes networks of its sizes"
            )
        for metric, errors in device.errors.items():
            ours = errors[OURS]
            notes.append(
                f"{on_device(metric, name)} is predicted from {len(device.models[metric].times)} "
                f"measured networks: off by {ours.median_error:.1%} for half of the networks in "
                f"cross-validation, rank correlation {ours.rank_correlation:.3f}"
            )
    for limit in limits:
        kept = within_error(limit, devices)
        if kept.maximum is not None and kept.maximum != limit.maximum:
            notes.append(
                f"{limit}: the search keeps predictions below {kept.maximum:g}, so that nine of "
                "ten networks keep the limit on the device"
            )
    return notes


def _are_far_apart(measured: Sequence[int], searched: Sequence[int]) -> bool:
    """Say whether inputs differ by more than a factor of 2 in size; False where unknown."""
    if not measured or not searched:
        return False
    ratio = math.prod(measured) / math.prod(searched)
    return not 0.5 <= ratio <= 2
