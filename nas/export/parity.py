"""Does a file compute what the network computes, on real inputs?

A file of floats must give the same outputs, but for rounding. A file of integers cannot: it must
choose the same class for nearly all inputs, and its judged number may be only a little worse. Of
counted shares it is refused only where chance in the choice of test examples does not explain the
difference: of 120 photos, two that are lost prove no loss.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nas.evaluation.winner_metric import WinnerMetric
from nas.export.chance import chance_of_at_most, least_loss
from nas.export.deployable import FloatArray, Resized
from nas.export.shipped import Runner
from nas.metric import is_share

_BATCH = 256


@dataclass(frozen=True)
class Tolerance:
    """How far a file may be from the torch model.

    Attributes:
        difference: the largest allowed difference of an output, as a share of the torch model's
            greatest output.
        agreement: the smallest allowed share of examples with the same class, but for chance;
            counts only where there are classes.
        drop: how much worse the judged number may be. Of accuracy a difference of 0 to 1, but
            for chance; of a number above 1 a share of that number.
    """

    difference: float
    agreement: float
    drop: float


FLOAT_TOLERANCE = Tolerance(difference=1e-4, agreement=0.995, drop=0.005)
# ONNX Runtime may round the inputs of matrix products whose weights are whole numbers.
WEIGHTS_TOLERANCE = Tolerance(difference=0.02, agreement=0.98, drop=0.005)
INT8_TOLERANCE = Tolerance(difference=float("inf"), agreement=0.95, drop=0.01)
INT4_TOLERANCE = Tolerance(difference=float("inf"), agreement=0.90, drop=0.02)


@dataclass(frozen=True)
class Parity:
    """How a file differs from the torch model.

    Attributes:
        max_difference: greatest absolute difference of an output.
        agreement: share of examples with the same class; NaN where there are none.
        test_value: what the file is judged at.
        torch_value: what the torch model is judged at.
        refused: why the file must not be shipped; empty if it may.
    """

    max_difference: float
    agreement: float
    test_value: float
    torch_value: float
    refused: str


def outputs_of(run: Runner, inputs: Resized) -> FloatArray:
    """Return the outputs (N, ...) of all inputs, a batch at a time."""
    starts = range(0, len(inputs), _BATCH)
    return np.concatenate([run(inputs[start : start + _BATCH]) for start in starts])


def compare(
    outputs: FloatArray,
    *,
    expected: FloatArray,
    targets: npt.NDArray[np.generic],
    winner_metric: WinnerMetric,
    tolerance: Tolerance,
) -> Parity:
    """Compare a file's outputs with the torch model's.

    Args:
        outputs: (N, ...) of the file.
        expected: (N, ...) of the torch model.
        targets: (N, ...) of the data.
        winner_metric: of both.
        tolerance: what is allowed.
    """
    difference = float(np.abs(outputs - expected).max())
    agreement = winner_metric.agreement(outputs, expected)
    value, torch_value = (
        winner_metric.value(outputs, targets),
        winner_metric.value(expected, targets),
    )
    faults = []
    allowed = tolerance.difference * float(np.abs(expected).max())
    if not difference <= allowed:
        faults.append(f"an output differs by {difference:.2g}, {allowed:.2g} is allowed")
    number = len(targets)
    needed = tolerance.agreement
    if agreement < needed and chance_of_at_most(round(agreement * number), number, needed) < 0.05:
        faults.append(
            f"{agreement:.1%} of the examples get the same class as from torch, "
            f"{needed:.1%} are needed"
        )
    worse = winner_metric.gain(torch_value, value)
    limit = tolerance.drop * max(1.0, abs(torch_value))
    surely = worse
    if winner_metric.is_share and worse > limit:
        surely = least_loss(_right(outputs, targets), _right(expected, targets))
    if not surely <= limit:
        faults.append(_loss_told(winner_metric, worse, surely, limit))
    return Parity(difference, agreement, value, torch_value, "; ".join(faults))


def _right(outputs: FloatArray, targets: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = outputs.argmax(1) == targets
    return found


def _loss_told(winner_metric: WinnerMetric, worse: float, surely: float, limit: float) -> str:
    if winner_metric.is_share:
        return (
            f"it loses {100 * worse:.2f} points of accuracy, surely {100 * surely:.2f}; "
            f"{100 * limit:.2f} are allowed"
        )
    if is_share(winner_metric.metric):
        return f"it loses {100 * worse:.2f} points, {100 * limit:.2f} are allowed"
    return f"its {winner_metric.metric} is worse by {worse:.3g}, {limit:.3g} is allowed"
