"""Makes one network into files, each measured by running it (`bench`).

What was made is remembered beside the files, so a second `nas finish` makes nothing twice.
"""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path

import torch
from torch import nn

from nas.architecture import Architecture
from nas.compress.storage import storage_of
from nas.evaluation.winner_metric import ACCURACY, AnyData, WinnerMetric
from nas.export import load_without_nas
from nas.export.bench import Bench
from nas.export.compiled import (
    executorch_network,
    require_compiler,
    require_executorch,
    to_executorch,
    to_executorch_int8,
)
from nas.export.deployable import deployable, real_inputs
from nas.export.inputs import describe_input
from nas.export.made_files import clear, remember, remembered
from nas.export.onnx_files import require_onnx, to_onnx
from nas.export.onnx_integers import to_int8, to_int8_dynamic, to_integer_weights
from nas.export.parity import (
    FLOAT_TOLERANCE,
    INT4_TOLERANCE,
    INT8_TOLERANCE,
    WEIGHTS_TOLERANCE,
    Tolerance,
    outputs_of,
)
from nas.export.runtimes import onnx_network, torch_network
from nas.export.torch_files import StoredModel, compiled_row, exported_row, traced, weights_row
from nas.files import write_bytes, write_text
from nas.measure.cost import input_size
from nas.record.artefacts import ArtefactRow

# One more whenever files are made differently, so that old ones are made again.
_FORMAT_VERSION = 3


@dataclass(frozen=True)
class ExportSettings:
    """Which files to make, and how to measure them.

    Attributes:
        onnx: `model.onnx`, 32-bit floats.
        int8: `model_int8.onnx`, 8-bit integers; needs `onnx`.
        int8_dynamic: `model_int8_dynamic.onnx`: ranges are found at run time.
        int4: `model_int4_weights.onnx`: weights alone, in 4 bits.
        aot_inductor: `model_compiled.pt2`, machine code for this kind of processor.
        executorch: `model.pte`, for phones and small devices, in floats.
        executorch_int8: `model_int8.pte`, the same in 8-bit integers.
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
    executorch_int8: bool = False
    num_calibration: int = 256
    num_threads: int = 1
    peak_memory: bool = True


@dataclass(frozen=True)
class TrainedNetwork:
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
    trained: TrainedNetwork,
    model: nn.Module,
    *,
    dataset: AnyData,
    folder: Path,
    place: str,
    settings: ExportSettings,
    winner_metric: WinnerMetric = ACCURACY,
) -> list[ArtefactRow]:
    """Write all files of a network below `folder / place`, and return a row for each.

    Args:
        trained: what is shipped.
        model: the same as a torch model, its weights loaded.
        dataset: inputs for calibration, and the test split for what is measured.
        folder: the run's `finish` folder.
        place: the network's own folder in it.
        settings: which files.
        winner_metric: of what each file computes.

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
        rows = _Exporter(trained, model, dataset, folder, place, settings, winner_metric).run()
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
    if settings.executorch or settings.executorch_int8:
        require_executorch()


class _Exporter:
    """Makes the files of one network, one after the other."""

    def __init__(
        self,
        trained: TrainedNetwork,
        model: nn.Module,
        dataset: AnyData,
        folder: Path,
        place: str,
        settings: ExportSettings,
        winner_metric: WinnerMetric,
    ) -> None:
        self._trained, self._dataset, self._settings = trained, dataset, settings
        storage = storage_of(model)
        self._stored: StoredModel | None = None
        if storage is not None:
            self._stored = StoredModel(storage, copy.deepcopy(model))
            storage.remove_parametrizations(model)
        self._size = input_size(model, dataset.shape)
        shipped = deployable(model, dataset)
        inputs = real_inputs(model, dataset, num_calibration=settings.num_calibration)
        self._bench = Bench(
            name=trained.name,
            variant=trained.variant,
            folder=folder,
            place=place,
            model=shipped,
            inputs=inputs,
            expected=outputs_of(torch_network(shipped), inputs.test),
            winner_metric=winner_metric,
            num_threads=settings.num_threads,
            weighs_memory=settings.peak_memory,
        )

    @cached_property
    def _program(self) -> torch.export.ExportedProgram:
        return traced(self._bench.model, self._bench)

    @cached_property
    def _float_onnx(self) -> bytes:
        return to_onnx(self._program)

    def run(self) -> list[ArtefactRow]:
        """Make them all, and return a row for each."""
        self._describe()
        bench, settings = self._bench, self._settings
        rows = [
            weights_row(bench, self._trained.weights, self._stored),
            exported_row(bench, lambda: self._program, self._stored, dataset=self._dataset),
        ]
        if settings.aot_inductor:
            rows.append(compiled_row(bench, lambda: self._program))
        rows += [self._executorch(*kind) for kind in self._executorch_kinds()]
        if settings.onnx:
            rows += [self._onnx(*kind) for kind in self._onnx_kinds()]
        return rows

    def _executorch_kinds(self) -> Iterator[tuple[str, str, Callable[[], bytes], Tolerance]]:
        """Yield the programs that are wanted."""
        model, inputs = self._bench.model, self._bench.inputs
        if self._settings.executorch:
            make = partial(to_executorch, model, inputs.test[:1])
            yield "ExecuTorch", "model.pte", make, FLOAT_TOLERANCE
        if self._settings.executorch_int8:
            make = partial(to_executorch_int8, model, inputs.calibration)
            yield "ExecuTorch int8", "model_int8.pte", make, INT8_TOLERANCE

    def _executorch(
        self, kind: str, name: str, content: Callable[[], bytes], tolerance: Tolerance
    ) -> ArtefactRow:
        def make(path: Path) -> None:
            write_bytes(path, content())

        return self._bench.ship(kind, name, make, executorch_network, tolerance=tolerance)

    def _onnx(self, kind: str, content: Callable[[], bytes], tolerance: Tolerance) -> ArtefactRow:
        return self._bench.ship(
            kind,
            f"model{kind.removeprefix('onnx').replace(' ', '_')}.onnx",
            lambda path: write_bytes(path, content()),
            lambda path: onnx_network(path, num_threads=self._settings.num_threads),
            tolerance=tolerance,
        )

    def _onnx_kinds(self) -> Iterator[tuple[str, Callable[[], bytes], Tolerance]]:
        """Yield files of floats and of integers; weights that are integers stay such."""
        settings, calibration = self._settings, self._bench.inputs.calibration
        bits = None if self._stored is None else self._stored.storage.bits
        if bits is None:
            yield "onnx", lambda: self._float_onnx, FLOAT_TOLERANCE
        else:
            yield f"onnx int{bits} weights", lambda: self._few_bits(bits), WEIGHTS_TOLERANCE
        if settings.int8 and bits != 4:
            yield "onnx int8", lambda: to_int8(self._float_onnx, calibration), INT8_TOLERANCE
        if settings.int8_dynamic and bits != 4:
            yield "onnx int8 dynamic", lambda: to_int8_dynamic(self._float_onnx), INT8_TOLERANCE
        if settings.int4 and bits is None:
            yield "onnx int4 weights", lambda: self._few_bits(4), INT4_TOLERANCE

    def _few_bits(self, bits: int) -> bytes:
        return to_integer_weights(
            self._float_onnx, bits=bits, is_trained_so=self._stored is not None
        )

    def _describe(self) -> None:
        """Write what a user of the files must know of the inputs."""
        described = describe_input(self._dataset, self._size)
        bench, loader = self._bench, Path(load_without_nas.__file__).read_text()
        write_text(bench.path("input.json"), json.dumps(described, indent=2) + "\n")
        write_text(bench.path("architecture.json"), self._trained.architecture.to_json())
        write_text(bench.path("load_without_nas.py"), loader)
