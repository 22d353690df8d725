"""The folder that travels to a device: networks, the script that measures them, what they are.

`networks.json` stays readable for `nas device fit` and `nas device confirm`: it says which
operators each network has, and which file it is.
"""

import hashlib
import json
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from nas.device import measure
from nas.device.device import operators_json
from nas.device.operators import OperatorGraph
from nas.device.places import MEASURE_PY, MEASURED_CSV, NETWORKS, NETWORKS_JSON
from nas.errors import MissingPackageError, SpaceError
from nas.export.deployable import Deployable
from nas.export.formats.executorch import to_executorch
from nas.export.onnx_files import require_onnx, to_onnx
from nas.export.traced import traced_model
from nas.files import write_bytes, write_text
from nas.measure.cost import input_size
from nas.task import DataShape

_LOG = logging.getLogger(__name__)
# Stands for a data set's own numbers, which change no time.
_MEAN, _STD = 0.5, 0.25


@dataclass(frozen=True)
class NetworkToMeasure:
    """A network that a device is to run.

    Attributes:
        name: of its files, without an ending.
        graph: its operators.
        onnx: content of its file.
        told: what else is worth knowing, such as its architecture.
        predicted: metric on a device -> what is predicted.
        program: content of its ExecuTorch program; empty for none.
    """

    name: str
    graph: OperatorGraph
    onnx: bytes
    told: Mapping[str, Any] = field(default_factory=dict)
    predicted: Mapping[str, float] = field(default_factory=dict)
    program: bytes = b""


def files_of_untrained(build: Callable[[], nn.Module], data: DataShape) -> tuple[bytes, bytes]:
    """Return the ONNX file of floats of a network with random weights, and its ExecuTorch program.

    Args:
        build: makes the network.
        data: what it is built for.

    Returns:
        The file that `nas finish` would write but for the weights; the program is empty where
        ExecuTorch is not installed.

    Raises:
        MissingPackageError: the packages of ONNX are missing.
        SpaceError: the network cannot be exported.
    """
    require_onnx()
    channels = data.input_shape[0]
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = build()
    wrapped = Deployable(model.cpu(), mean=(_MEAN,) * channels, std=(_STD,) * channels).eval()
    example = np.zeros((2, channels, *input_size(model, data)), np.float32)
    try:
        return to_onnx(traced_model(wrapped, example)), _program(wrapped, example)
    except MissingPackageError:
        raise
    except Exception as error:
        raise SpaceError(
            f"a network of this space cannot become an ONNX file: {type(error).__name__}: "
            f"{str(error).splitlines()[0][:300]}"
        ) from error


def write_measuring_folder(
    folder: Path, networks: Sequence[NetworkToMeasure], *, about: Mapping[str, Any]
) -> None:
    """Write what a device needs; files of earlier networks in the folder are removed.

    Args:
        folder: of the device.
        networks: one or more.
        about: what `networks.json` says besides: the search space.
    """
    place = folder / NETWORKS
    if place.is_dir():
        for path in (*place.glob("*.onnx"), *place.glob("*.pte")):
            path.unlink()
    rows = []
    for network in networks:
        write_bytes(place / f"{network.name}.onnx", network.onnx)
        if network.program:
            write_bytes(place / f"{network.name}.pte", network.program)
        rows.append(
            {
                "name": network.name,
                "sha256": hashlib.sha256(network.onnx).hexdigest(),
                "num_macs": network.graph.num_macs,
                "num_params": network.graph.num_params,
                **network.told,
                "predicted": dict(network.predicted),
            }
        )
    content = {
        **about,
        "rows": rows,
        **operators_json(tuple(network.graph.counts for network in networks)),
    }
    write_text(folder / NETWORKS_JSON, json.dumps(content))
    write_bytes(folder / MEASURE_PY, Path(measure.__file__).read_bytes())
    write_text(folder / "README.md", _README.format(number=len(networks)))


def _program(model: Deployable, example: np.ndarray[Any, Any]) -> bytes:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import executorch.exir
    except ImportError:
        return b""
    del executorch
    try:
        return to_executorch(model, example)
    except Exception:  # noqa: BLE001 - whatever its exporter raises: the ONNX file is enough
        _LOG.warning("a network has no ExecuTorch program", exc_info=True)
        return b""


_README = f"""\
# Measure these networks

Copy this folder to the device. It needs Python and ONNX Runtime (`pip install onnxruntime`),
nothing else:

    python {MEASURE_PY}

It runs {{number}} networks in turns and writes `{MEASURED_CSV}`; `python {MEASURE_PY} --help`
says what can be set, such as the number of threads. Close other programs first. Bring
`{MEASURED_CSV}` back.
"""
