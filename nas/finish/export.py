"""Makes one network into files, and measures each file by running it.

A file that does not compute what the torch model computes is taken away again; its row says why.
What was made is remembered beside the files, so a second `nas finish` makes nothing twice.
"""

import copy
import json
import logging
import math
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from safetensors.torch import save as save_safetensors
from torch import nn

from nas.architecture import Architecture
from nas.compress.storage import storage_of
from nas.files import write_bytes, write_text
from nas.finish import load_without_nas
from nas.finish.compiled import (
    COMPILED,
    compile_ahead,
    compiled_network,
    executorch_network,
    require_compiler,
    require_executorch,
    to_executorch,
)
from nas.finish.deployable import Deployable, FloatArray, Inputs, deployable, real_inputs
from nas.finish.judge import CLASSES, AnyData, Judge
from nas.finish.memory import clear, remember, remembered
from nas.finish.onnx_files import export_program, require_onnx, to_onnx
from nas.finish.onnx_integers import to_int8, to_int8_dynamic, to_integer_weights
from nas.finish.parity import (
    FLOAT_TOLERANCE,
    INT4_TOLERANCE,
    INT8_TOLERANCE,
    WEIGHTS_TOLERANCE,
    Tolerance,
    compare,
    outputs_of,
)
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
    2  # one more whenever files are made differently, so that old ones are made again
)
_BATCH = 32
_WEIGHED = ("torch.export", "onnx", "onnx int8", "onnx int8 dynamic", "onnx int4 weights")


@dataclass(frozen=True)
class ExportSettings:
    """Which files to make, and how to measure them.

    Attributes:
        onnx: `model.onnx`, 32-bit floats.
        int8: `model_int8.onnx`, 8-bit integers; needs `onnx`.
        int8_dynamic: `model_int8_dynamic.onnx`: ranges are found at run time.
        int4: `model_int4_weights.onnx`: weights alone, in 4 bits.
        aot_inductor: `model_compiled.pt2`, machine code for this kind of processor.
        executorch: `model.pte`, for phones and small devices.
        num_calibration: training inputs that the ranges of the integers are found on, at least 1.
        num_threads: CPU threads that times are taken with, at least 1.
        peak_memory: measure it, in a fresh process for each file.
    """

    onnx: bool = True
    int8: bool = True
    int8_dynamic: bool = False
    int4: bool = False
    aot_inductor: bool = False
    executorch: bool = False
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
    dataset: AnyData,
    folder: Path,
    place: str,
    settings: ExportSettings,
    judge: Judge = CLASSES,
) -> list[ArtefactRow]:
    """Write all files of a network below `folder / place`, and return a row for each.

    Args:
        trained: what is shipped.
        model: the same as a torch model, its weights loaded.
        dataset: inputs for calibration, and the test split for what is measured.
        folder: the run's `finish` folder.
        place: the network's own folder in it.
        settings: which files.
        judge: of what each file computes.

    Raises:
        MissingPackageError: files are wanted whose packages are not there.
    """
    memory = folder / place / "artefacts.json"
    made_from = [_FORMAT_VERSION, trained.job, trained.variant, asdict(settings)]
    known = remembered(memory, made_from)
    if known is not None:
        return known
    check_packages(settings)
    clear(folder / place)
    previous = torch.get_num_threads()
    torch.set_num_threads(settings.num_threads)
    try:
        rows = _Exporter(trained, model, dataset, folder, place, settings, judge).run()
    finally:
        torch.set_num_threads(previous)
    remember(memory, made_from, rows)
    return rows


def check_packages(settings: ExportSettings) -> None:
    """Refuse files that cannot be made here, before anything is trained for them.

    Raises:
        MissingPackageError: a package or a compiler is not there.
    """
    if settings.onnx:
        require_onnx()
    if settings.aot_inductor:
        require_compiler()
    if settings.executorch:
        require_executorch()


class _Exporter:
    """Makes the files of one network, one after the other."""

    def __init__(
        self,
        trained: Trained,
        model: nn.Module,
        dataset: AnyData,
        folder: Path,
        place: str,
        settings: ExportSettings,
        judge: Judge,
    ) -> None:
        self._trained = trained
        self._storage = storage_of(model)
        if self._storage is not None:
            self._stored = copy.deepcopy(model)
            self._storage.settle(model)
        self._model: Deployable = deployable(model, dataset)
        self._dataset = dataset
        self._folder, self._place = folder, place
        self._settings, self._judge = settings, judge
        self._inputs: Inputs = real_inputs(
            model, dataset, num_calibration=settings.num_calibration
        )
        self._size = input_size(model, dataset.shape)
        self._expected: FloatArray = outputs_of(torch_network(self._model), self._inputs.test)

    def run(self) -> list[ArtefactRow]:
        """Make them all, and return a row for each."""
        self._describe()
        exported = self._export(self._model)
        rows = [self._weights(), self._exported(exported)]
        if self._settings.aot_inductor:
            rows.append(self._compiled(exported))
        if self._settings.executorch:
            rows.append(self._executorch())
        if self._settings.onnx:
            rows += self._onnx_files(to_onnx(exported))
        return rows

    def _weights(self) -> ArtefactRow:
        """Write the tensors, as few bytes as they were trained for."""
        content = self._trained.weights
        if self._storage is not None:
            content = save_safetensors(self._storage.pack(self._stored))
        self._write("model.safetensors", content)
        return self._row("safetensors", "model.safetensors", self._load_weights)

    def _exported(self, exported: torch.export.ExportedProgram) -> ArtefactRow:
        self._write_exported(exported)
        if self._storage is not None:
            stored = copy.deepcopy(self._stored)
            self._storage.store(stored)
            self._write_exported(self._export(deployable(stored, self._dataset)))
        return self._row("torch.export", "model.pt2", exported_network)

    def _compiled(self, exported: torch.export.ExportedProgram) -> ArtefactRow:
        path = self._folder / self._place / COMPILED
        compile_ahead(exported, path)
        return self._row("AOTInductor", COMPILED, compiled_network)

    def _executorch(self) -> ArtefactRow:
        self._write("model.pte", to_executorch(self._model, self._inputs.test[:1]))
        return self._row("ExecuTorch", "model.pte", executorch_network)

    def _onnx_files(self, float_model: bytes) -> list[ArtefactRow]:
        """Make files of floats and of integers; weights that are integers stay such."""
        settings, calibration = self._settings, self._inputs.calibration
        bits = None if self._storage is None else self._storage.bits
        rows: list[ArtefactRow] = []

        def add(kind: str, content: bytes, tolerance: Tolerance) -> None:
            name = f"model{kind.removeprefix('onnx').replace(' ', '_')}.onnx"
            self._write(name, content)
            rows.append(self._row(kind, name, self._load_onnx, tolerance=tolerance))

        if bits is None:
            add("onnx", float_model, FLOAT_TOLERANCE)
        else:
            kind = f"onnx int{bits} weights"
            content = to_integer_weights(float_model, bits=bits, is_trained_so=True)
            add(kind, content, WEIGHTS_TOLERANCE)
        if settings.int8 and bits != 4:
            add("onnx int8", to_int8(float_model, calibration), INT8_TOLERANCE)
        if settings.int8_dynamic and bits != 4:
            add("onnx int8 dynamic", to_int8_dynamic(float_model), INT8_TOLERANCE)
        if settings.int4 and bits is None:
            content = to_integer_weights(float_model, bits=4)
            add("onnx int4 weights", content, INT4_TOLERANCE)
        return rows

    def _describe(self) -> None:
        """Write what a user of the files must know of the inputs."""
        height, width = self._size
        described = {
            "dtype": str(self._dataset.test.images.dtype),
            "channels": self._dataset.shape.input_shape[0],
            "height": height,
            "width": width,
            "classes": list(getattr(self._dataset, "class_names", ())),
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

    def _export(self, model: Deployable) -> torch.export.ExportedProgram:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch.export about itself
            return export_program(model, self._inputs.test[:2])

    def _write_exported(self, exported: torch.export.ExportedProgram) -> None:
        """Write model.pt2, unless it is there and smaller: unpacking integers takes nodes too."""
        path = self._folder / self._place / "model.pt2"
        partial = path.with_name("partial.pt2")
        # The inputs that it was traced with are no part of what is shipped.
        examples, exported._example_inputs = exported.example_inputs, None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.export.save(exported, str(partial))
        exported._example_inputs = examples
        if path.exists() and path.stat().st_size <= partial.stat().st_size:
            partial.unlink()
        else:
            partial.replace(path)

    def _load_onnx(self, path: Path) -> Network:
        return onnx_network(path, num_threads=self._settings.num_threads)

    def _load_weights(self, path: Path) -> Network:
        """Return the network with the weights that lie in the file, and no others."""
        network = copy.deepcopy(self._model)
        shapes = {name: tensor.shape for name, tensor in network.model.state_dict().items()}
        for tensor in network.model.state_dict().values():
            tensor.zero_()
        state = load_file(path)
        if self._storage is not None:
            state = self._storage.unpack(state, shapes)
        network.model.load_state_dict(state)
        return torch_network(network)

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
            outputs_of(network, self._inputs.test),
            expected=self._expected,
            targets=self._inputs.targets,
            judge=self._judge,
            tolerance=tolerance,
        )
        one, many = self._time(network, 1), self._time(network, _BATCH)
        weighed = self._settings.peak_memory and kind in _WEIGHED
        row = ArtefactRow(
            name=self._trained.name,
            variant=self._trained.variant,
            format=kind,
            file=f"{self._place}/{name}",
            size_bytes=path.stat().st_size,
            num_params=num_params(self._model),
            metric=self._judge.metric,
            test_value=parity.test_value,
            torch_value=parity.torch_value,
            max_difference=parity.max_difference,
            agreement=parity.agreement,
            latency_ms=one.median_ms,
            latency_low_ms=one.low_ms,
            latency_high_ms=one.high_ms,
            latency_32_ms=many.median_ms,
            num_threads=self._settings.num_threads,
            peak_memory_bytes=(
                peak_memory_bytes(path, self._inputs.test.shape) if weighed else math.nan
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
