"""The winners' folder for devices: their ONNX files, and the script that measures them there.

It is the folder that `nas device new` writes, with the winners as networks, so that
`nas device confirm` can put what `measure.py` finds beside what the search had predicted.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from nas.device.costs import operator_costs
from nas.device.device import KnownDevice
from nas.device.trace import operators_of
from nas.export.measuring_folder import NetworkToMeasure, write_measuring_folder
from nas.finish.ship import Shipped
from nas.metric import on_device
from nas.space.space import SearchSpace
from nas.task import DataShape

DEVICE_FOLDER = "device"
_FILE = "model.onnx"


def write_winners_for_devices(
    shipped: Sequence[Shipped],
    devices: Mapping[str, KnownDevice],
    *,
    space: SearchSpace,
    data: DataShape,
    folder: Path,
) -> bool:
    """Write `finish/device`, and return whether there was a file to measure.

    Args:
        shipped: networks whose files were made.
        devices: name -> device, whose predictions are told.
        space: builds the networks.
        data: what they were built for.
        folder: the run's `finish` folder.
    """
    names = [on_device(metric, name) for name, known in devices.items() for metric in known.models]
    networks = []
    for network in shipped:
        path = folder / network.place / _FILE
        if not path.is_file():  # no files were wanted, or this one was refused
            continue
        architecture = network.job.architecture
        graph = operators_of(lambda a=architecture: space.build(a, data), data)  # type: ignore[misc]
        networks.append(
            NetworkToMeasure(
                "trial_" + network.place.replace("/", "_"),
                graph,
                path.read_bytes(),
                {"architecture": dict(architecture)},
                operator_costs(graph, metrics=names, devices=devices),
            )
        )
    if networks:
        write_measuring_folder(folder / DEVICE_FOLDER, networks, about={"search_space": "winners"})
    return bool(networks)
