"""Does a file compute what the network computes, on real images?

Floats must agree in every logit but for rounding, and so in every class but for ties. Integers
cannot: their files must agree in nearly all classes, and lose no more accuracy than is allowed.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nas.finish.deployable import FloatArray
from nas.finish.runtimes import Network

_BATCH = 256


@dataclass(frozen=True)
class Tolerance:
    """What a file may differ by.

    Attributes:
        difference: of a logit, as a share of the greatest logit of the torch model.
        agreement: least share of images with the same class.
        accuracy_drop: greatest loss of accuracy, 0 to 1.
    """

    difference: float
    agreement: float
    accuracy_drop: float


FLOAT_TOLERANCE = Tolerance(difference=1e-4, agreement=0.995, accuracy_drop=0.005)
INT8_TOLERANCE = Tolerance(difference=float("inf"), agreement=0.95, accuracy_drop=0.01)


@dataclass(frozen=True)
class Parity:
    """How a file differs from the torch model.

    Attributes:
        max_difference: greatest absolute difference of a logit.
        agreement: share of images with the same class.
        accuracy: of the file.
        torch_accuracy: of the torch model.
        refused: why the file must not be shipped; empty if it may.
    """

    max_difference: float
    agreement: float
    accuracy: float
    torch_accuracy: float
    refused: str


def logits_of(network: Network, images: FloatArray) -> FloatArray:
    """Return the logits (N, K) of all images, a batch at a time."""
    starts = range(0, len(images), _BATCH)
    return np.concatenate([network(images[start : start + _BATCH]) for start in starts])


def compare(
    logits: FloatArray,
    *,
    expected: FloatArray,
    labels: npt.NDArray[np.int64],
    tolerance: Tolerance,
) -> Parity:
    """Compare a file's logits with the torch model's.

    Args:
        logits: (N, K) of the file.
        expected: (N, K) of the torch model.
        labels: (N,) true classes.
        tolerance: what is allowed.
    """
    difference = float(np.abs(logits - expected).max())
    agreement = float((logits.argmax(1) == expected.argmax(1)).mean())
    accuracy = float((logits.argmax(1) == labels).mean())
    torch_accuracy = float((expected.argmax(1) == labels).mean())
    faults = []
    allowed = tolerance.difference * float(np.abs(expected).max())
    if not difference <= allowed:
        faults.append(f"a logit differs by {difference:.2g}, {allowed:.2g} is allowed")
    if agreement < tolerance.agreement:
        faults.append(
            f"{agreement:.1%} of the classes agree, {tolerance.agreement:.1%} are needed"
        )
    if torch_accuracy - accuracy > tolerance.accuracy_drop:
        faults.append(
            f"it loses {100 * (torch_accuracy - accuracy):.2f} points, "
            f"{100 * tolerance.accuracy_drop:.2f} are allowed"
        )
    return Parity(difference, agreement, accuracy, torch_accuracy, "; ".join(faults))
