"""Writes the file of one format, runs it in its own runtime, and measures what comes out.

A file is run on the whole test split, compared with the torch model and timed. A file that cannot
be made, or does not compute what the model computes, is removed again, and its row says why.
"""

import logging
import math
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from nas.evaluation.winner_metric import WinnerMetric
from nas.export.deployable import FloatArray
from nas.export.example import Example
from nas.export.format import FileKind, Format
from nas.export.parity import compare, outputs_of
from nas.export.peak_memory import peak_memory_bytes
from nas.export.shipped import Runner, ShippedNetwork
from nas.measure.cost import num_params
from nas.measure.timing import Timing, time_calls
from nas.record.artefacts import ArtefactRow

_LOG = logging.getLogger(__name__)
_BATCH = 32
_MAX_REASON = 160  # characters


@dataclass(frozen=True)
class Bench:
    """What all files of one network are measured by.

    Attributes:
        name: of the winner, such as "trial 12".
        variant: how its weights came about.
        folder: the run's `finish` folder.
        place: the network's own folder in it.
        network: what the files must compute.
        expected: (N, ...) outputs of the torch model for the inputs of the test split.
        example: takes down what each file makes of one input.
        winner_metric: what each file is judged by.
        weighs_memory: measure peak memory, in a fresh process for each file.
    """

    name: str
    variant: str
    folder: Path
    place: str
    network: ShippedNetwork
    expected: FloatArray
    example: Example
    winner_metric: WinnerMetric
    weighs_memory: bool

    def path(self, name: str) -> Path:
        """Return where the file of that name lies."""
        return self.folder / self.place / name

    def ship(self, chosen: Format, file: FileKind) -> ArtefactRow:
        """Write a file, measure it and return its row; only a file that computes the same stays.

        A file that cannot be written or run gets a row too, which says why: an operation that one
        format lacks must not cost the other files.

        Args:
            chosen: writes and runs it.
            file: what it makes of this network.
        """
        path = self.path(file.name)
        try:
            chosen.write(self.network, path)
            _check_file(path)
            row = self._measured(chosen, file, path)
        except Exception as error:  # noqa: BLE001 - whatever exporters and runtimes raise
            _LOG.info("%s could not be made", path, exc_info=True)
            row = self._row(file, refused=f"it could not be made: {_in_short(error)}")
        if row.refused:
            _LOG.warning("%s is not shipped: %s", row.file, row.refused)
            _remove(path)
            self.example.forget(file.name)
        return row

    def _measured(self, chosen: Format, file: FileKind, path: Path) -> ArtefactRow:
        inputs = self.network.inputs
        run = chosen.load(self.network, path)
        parity = compare(
            outputs_of(run, inputs.test),
            expected=self.expected,
            targets=inputs.targets,
            winner_metric=self.winner_metric,
            tolerance=file.tolerance,
        )
        index = self.example.index
        self.example.note(file, run(inputs.test[index : index + 1]))
        one, many = self._time(run, 1), self._time(run, _BATCH)
        peak = math.nan
        if self.weighs_memory and chosen.probe is not None:
            peak = peak_memory_bytes(path, inputs.test.shape, probe=chosen.probe)
        return replace(
            self._row(file, refused=parity.refused),
            size_bytes=path.stat().st_size,
            test_value=parity.test_value,
            torch_value=parity.torch_value,
            max_difference=parity.max_difference,
            agreement=parity.agreement,
            latency_ms=one.median_ms,
            latency_low_ms=one.low_ms,
            latency_high_ms=one.high_ms,
            latency_32_ms=many.median_ms,
            latency_32_low_ms=many.low_ms,
            latency_32_high_ms=many.high_ms,
            peak_memory_bytes=peak,
        )

    def _row(self, file: FileKind, *, refused: str) -> ArtefactRow:
        """Return the row of a file of which nothing was measured."""
        targets = self.network.inputs.targets
        return ArtefactRow(
            name=self.name,
            variant=self.variant,
            format=file.kind,
            file=f"{self.place}/{file.name}",
            size_bytes=0,
            num_params=num_params(self.network.model),
            metric=self.winner_metric.metric,
            test_value=math.nan,
            torch_value=self.winner_metric.value(self.expected, targets),
            max_difference=math.nan,
            agreement=math.nan,
            latency_ms=math.nan,
            latency_low_ms=math.nan,
            latency_high_ms=math.nan,
            latency_32_ms=math.nan,
            latency_32_low_ms=math.nan,
            latency_32_high_ms=math.nan,
            num_threads=self.network.num_threads,
            peak_memory_bytes=math.nan,
            refused=refused,
        )

    def _time(self, run: Runner, batch: int) -> Timing:
        images = self.network.inputs.test[:batch]
        return time_calls(lambda: run(images))


def _check_file(path: Path) -> None:
    """Refuse a format that did not write one file.

    Raises:
        OSError: there is a folder, or nothing.
    """
    if path.is_dir():
        raise IsADirectoryError(f"write must leave one file, but {path.name} is a folder; zip it")
    if not path.is_file():
        raise FileNotFoundError(f"write must leave the file {path.name}, but left none")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _in_short(error: Exception) -> str:
    """Return the kind of an error and its first line, for a cell of a table."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:_MAX_REASON]}".removesuffix(": ")
