"""Makes one network into files, and measures each file by running it.

A file that does not compute what the torch model computes is taken away again; its row says why.
What was made is remembered beside the files, so a second `nas finish` makes nothing twice.
"""

import json
import logging
import math
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nas.architecture import Architecture
from nas.data.dataset import Dataset
from nas.files import write_bytes, write_text
from nas.finish import load_without_nas
from nas.finish.deployable import Deployable, FloatArray, Inputs, deployable, real_inputs
from nas.finish.onnx_files import export_program, require_onnx, to_int8, to_onnx
from nas.finish.parity import FLOAT_TOLERANCE, INT8_TOLERANCE, Tolerance, compare, logits_of
from nas.finish.runtimes import (
    Network,
    exported_network,
    onnx_network,
    peak_memory_bytes,
    torch_network,
)
from nas.measure.cost import input_size, num_params
from nas.measure.timing import Timing, time_calls
from nas.record.artefacts import ArtefactRow

_LOG = logging.getLogger(__name__)
_FORMAT_VERSION = (
    1  # one more whenever files are made differently, so that old ones are made again
)
_BATCH = 32


@dataclass(frozen=True)
class ExportSettings:
    """Which files to make, and how to measure them.

    Attributes:
        onnx: `model.onnx`, 32-bit floats.
        int8: `model_int8.onnx`, 8-bit integers; needs `onnx`.
        num_calibration: training images that the ranges of the integers are found on, at least 1.
        num_threads: CPU threads that times are taken with, at least 1.
        peak_memory: measure it, in a fresh process for each file.
    """

    onnx: bool = True
    int8: bool = True
    num_calibration: int = 256
    num_threads: int = 1
    peak_memory: bool = True


@dataclass(frozen=True)
class Trained:
    """A network to ship.

    Attributes:
        name: of the winner, such as "trial 12".
        variant: how its weights came about.
        job: key of the training, for the memory of what was made.
        architecture: what was trained.
        weights: bytes of a safetensors file.
    """

    name: str
    variant: str
    job: str
    architecture: Architecture
    weights: bytes


def export_network(
    trained: Trained,
    model: nn.Module,
    *,
    dataset: Dataset,
    folder: Path,
    place: str,
    settings: ExportSettings,
) -> list[ArtefactRow]:
    """Write all files of a network below `folder / place`, and return a row for each.

    Args:
        trained: what is shipped.
        model: the same as a torch model, its weights loaded.
        dataset: images for calibration, and the test split for what is measured.
        folder: the run's `finish` folder.
        place: the network's own folder in it.
        settings: which files.

    Raises:
        MissingPackageError: ONNX files are wanted and its packages are not there.
    """
    memory = folder / place / "artefacts.json"
    made_from = [_FORMAT_VERSION, trained.job, trained.variant, asdict(settings)]
    known = _remembered(memory, made_from)
    if known is not None:
        return known
    if settings.onnx:
        require_onnx()
    _clear(folder / place)
    previous = torch.get_num_threads()
    torch.set_num_threads(settings.num_threads)
    try:
        rows = _Exporter(trained, model, dataset, folder, place, settings).run()
    finally:
        torch.set_num_threads(previous)
    content = {"made_from": made_from, "rows": [_as_json(row) for row in rows]}
    write_text(memory, json.dumps(content))
    return rows


def _clear(place: Path) -> None:
    """Remove the files of an earlier export; folders beside them are other variants."""
    if place.is_dir():
        for path in place.iterdir():
            if path.is_file():
                path.unlink()


class _Exporter:
    """Makes the files of one network, one after the other."""

    def __init__(
        self,
        trained: Trained,
        model: nn.Module,
        dataset: Dataset,
        folder: Path,
        place: str,
        settings: ExportSettings,
    ) -> None:
        self._trained = trained
        self._model: Deployable = deployable(model, dataset)
        self._dataset = dataset
        self._folder, self._place = folder, place
        self._settings = settings
        self._inputs: Inputs = real_inputs(
            model, dataset, num_calibration=settings.num_calibration
        )
        self._size = input_size(model, dataset.shape)
        self._network = torch_network(self._model)
        self._expected: FloatArray = logits_of(self._network, self._inputs.test)

    def run(self) -> list[ArtefactRow]:
        """Make them all, and return a row for each."""
        self._describe()
        self._write("model.safetensors", self._trained.weights)
        rows = [self._row("safetensors", "model.safetensors", lambda _: self._network)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch.export about itself
            exported = export_program(self._model, self._inputs.test)
        self._write_exported(exported)
        rows.append(self._row("torch.export", "model.pt2", exported_network))
        if self._settings.onnx:
            float_model = to_onnx(exported)
            self._write("model.onnx", float_model)
            rows.append(self._row("onnx", "model.onnx", self._load_onnx))
            if self._settings.int8:
                self._write("model_int8.onnx", to_int8(float_model, self._inputs.calibration))
                rows.append(
                    self._row(
                        "onnx int8", "model_int8.onnx", self._load_onnx, tolerance=INT8_TOLERANCE
                    )
                )
        return rows

    def _describe(self) -> None:
        """Write what a user of the files must know of the images."""
        height, width = self._size
        described = {
            "dtype": str(self._dataset.test.images.dtype),
            "channels": self._dataset.shape.input_shape[0],
            "height": height,
            "width": width,
            "classes": list(self._dataset.class_names),
            "mean": list(self._dataset.normalisation.mean),
            "std": list(self._dataset.normalisation.std),
        }
        place = self._folder / self._place
        write_text(place / "input.json", json.dumps(described, indent=2) + "\n")
        write_text(place / "architecture.json", self._trained.architecture.to_json())
        loader = Path(load_without_nas.__file__).read_text()
        write_text(place / "load_without_nas.py", loader)

    def _write(self, name: str, content: bytes) -> None:
        write_bytes(self._folder / self._place / name, content)

    def _write_exported(self, exported: torch.export.ExportedProgram) -> None:
        path = self._folder / self._place / "model.pt2"
        partial = path.with_name("partial.pt2")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The images that it was traced with are no part of what is shipped.
            exported._example_inputs = None
            torch.export.save(exported, str(partial))
        partial.replace(path)

    def _load_onnx(self, path: Path) -> Network:
        return onnx_network(path, num_threads=self._settings.num_threads)

    def _row(
        self,
        kind: str,
        name: str,
        load: Callable[[Path], Network],
        *,
        tolerance: Tolerance = FLOAT_TOLERANCE,
    ) -> ArtefactRow:
        path = self._folder / self._place / name
        network = load(path)
        parity = compare(
            logits_of(network, self._inputs.test),
            expected=self._expected,
            labels=self._inputs.labels,
            tolerance=tolerance,
        )
        one, many = self._time(network, 1), self._time(network, _BATCH)
        weighed = self._settings.peak_memory and kind != "safetensors"
        row = ArtefactRow(
            name=self._trained.name,
            variant=self._trained.variant,
            format=kind,
            file=f"{self._place}/{name}",
            size_bytes=path.stat().st_size,
            num_params=num_params(self._model),
            accuracy=parity.accuracy,
            torch_accuracy=parity.torch_accuracy,
            max_difference=parity.max_difference,
            agreement=parity.agreement,
            latency_ms=one.median_ms,
            latency_low_ms=one.low_ms,
            latency_high_ms=one.high_ms,
            latency_32_ms=many.median_ms,
            num_threads=self._settings.num_threads,
            peak_memory_bytes=(
                peak_memory_bytes(path, self._inputs.test.shape[1:]) if weighed else math.nan
            ),
            refused=parity.refused,
        )
        if row.refused:
            _LOG.warning("%s is not shipped: %s", row.file, row.refused)
            path.unlink()
        return row

    def _time(self, network: Network, batch: int) -> Timing:
        images = self._inputs.test[:batch]
        return time_calls(lambda: network(images))


def _as_json(row: ArtefactRow) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in vars(row).items()}


def _from_json(row: dict[str, Any]) -> ArtefactRow:
    known: dict[str, Any] = {k: math.nan if v is None else v for k, v in row.items()}
    return ArtefactRow(**known)


def _remembered(memory: Path, made_from: list[Any]) -> list[ArtefactRow] | None:
    """Return the rows of files that were made of the same before and are still there."""
    if not memory.is_file():
        return None
    content = json.loads(memory.read_text())
    if content["made_from"] != made_from:
        return None
    rows = [_from_json(row) for row in content["rows"]]
    folder = memory.parent
    lost = [row for row in rows if not row.refused and not (folder / Path(row.file).name).exists()]
    return None if lost else rows
