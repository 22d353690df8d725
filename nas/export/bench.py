"""Where the files of one network are written, run and measured.

A file is run by its own runtime on the whole test split, compared with the torch model and timed.
One that cannot be made, or does not compute what the model computes, is taken away again; its row
says why.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from nas.evaluation.winner_metric import WinnerMetric
from nas.export.deployable import Deployable, FloatArray, Inputs
from nas.export.parity import FLOAT_TOLERANCE, Tolerance, compare, outputs_of
from nas.export.runtimes import Network, peak_memory_bytes
from nas.measure.cost import num_params
from nas.measure.timing import Timing, time_calls
from nas.record.artefacts import ArtefactRow

_LOG = logging.getLogger(__name__)
_BATCH = 32
_MAX_REASON = 160  # characters
_WEIGHED = ("torch.export", "onnx", "onnx int8", "onnx int8 dynamic", "onnx int4 weights")


@dataclass(frozen=True)
class Bench:
    """What all files of one network are measured by.

    Attributes:
        name: of the winner, such as "trial 12".
        variant: how its weights came about.
        folder: the run's `finish` folder.
        place: the network's own folder in it.
        model: what the files must compute.
        inputs: real ones.
        expected: (N, ...) outputs of the model for `inputs.test`.
        winner_metric: of what each file computes.
        num_threads: CPU threads that times are taken with.
        weighs_memory: measure peak memory, in a fresh process for each file.
    """

    name: str
    variant: str
    folder: Path
    place: str
    model: Deployable
    inputs: Inputs
    expected: FloatArray
    winner_metric: WinnerMetric
    num_threads: int
    weighs_memory: bool

    def path(self, name: str) -> Path:
        """Return where the file of that name lies."""
        return self.folder / self.place / name

    def ship(
        self,
        kind: str,
        name: str,
        make: Callable[[Path], None],
        load: Callable[[Path], Network],
        *,
        tolerance: Tolerance = FLOAT_TOLERANCE,
    ) -> ArtefactRow:
        """Make a file, measure it and return its row; it stays only if it computes the same.

        What cannot be made or run is a refused row too: an operation that one format lacks must
        not cost the others.

        Args:
            kind: of file, such as "onnx int8".
            name: of the file.
            make: writes it.
            load: brings it into its runtime.
            tolerance: what it may differ by.
        """
        path = self.path(name)
        try:
            make(path)
            row = self._measured(kind, path, load(path), tolerance)
        except Exception as error:  # noqa: BLE001 - whatever exporters and runtimes raise
            _LOG.info("%s could not be made", path, exc_info=True)
            row = self._row(kind, path, refused=f"it could not be made: {_in_short(error)}")
        if row.refused:
            _LOG.warning("%s is not shipped: %s", row.file, row.refused)
            path.unlink(missing_ok=True)
        return row

    def _measured(
        self, kind: str, path: Path, network: Network, tolerance: Tolerance
    ) -> ArtefactRow:
        parity = compare(
            outputs_of(network, self.inputs.test),
            expected=self.expected,
            targets=self.inputs.targets,
            winner_metric=self.winner_metric,
            tolerance=tolerance,
        )
        one, many = self._time(network, 1), self._time(network, _BATCH)
        weighed = self.weighs_memory and kind in _WEIGHED
        return replace(
            self._row(kind, path, refused=parity.refused),
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
            peak_memory_bytes=(
                peak_memory_bytes(path, self.inputs.test.shape) if weighed else math.nan
            ),
        )

    def _row(self, kind: str, path: Path, *, refused: str) -> ArtefactRow:
        """Return the row of a file of which nothing was measured."""
        return ArtefactRow(
            name=self.name,
            variant=self.variant,
            format=kind,
            file=f"{self.place}/{path.name}",
            size_bytes=0,
            num_params=num_params(self.model),
            metric=self.winner_metric.metric,
            test_value=math.nan,
            torch_value=self.winner_metric.value(self.expected, self.inputs.targets),
            max_difference=math.nan,
            agreement=math.nan,
            latency_ms=math.nan,
            latency_low_ms=math.nan,
            latency_high_ms=math.nan,
            latency_32_ms=math.nan,
            latency_32_low_ms=math.nan,
            latency_32_high_ms=math.nan,
            num_threads=self.num_threads,
            peak_memory_bytes=math.nan,
            refused=refused,
        )

    def _time(self, network: Network, batch: int) -> Timing:
        images = self.inputs.test[:batch]
        return time_calls(lambda: network(images))


def _in_short(error: Exception) -> str:
    """Return the kind of an error and its first line, for a cell of a table."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:_MAX_REASON]}".removesuffix(": ")
