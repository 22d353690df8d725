"""The one contract between the search and whatever judges an architecture.

Real training (`trained`) and a published table (`tabular`) fulfil it alike. An evaluator is sent
to each worker process once, by pickle: hold large data as NumPy arrays, which Ray shares between
the processes of a node without copying, and build what cannot travel in `prepare`.
"""

from collections.abc import Mapping
from typing import Protocol

from nas.architecture import Architecture
from nas.trial import TrialResult, TrialSpec


class Evaluator(Protocol):
    """Judges architectures."""

    def static_costs(self, architecture: Architecture) -> Mapping[str, float]:
        """Return metric name -> value for what is known without training; called in the driver.

        Raises:
            UnbuildableError: the space holds no such architecture; another one is drawn.
            Exception: whatever the space's `build` raises; the trial then fails in its worker,
                with the traceback in its result.
        """
        ...

    def prepare(self) -> None:
        """Get ready: import, move the data to the device. Called once in each worker."""
        ...

    def evaluate(self, spec: TrialSpec) -> TrialResult:
        """Evaluate one architecture; a failure is a result with its traceback, never raised."""
        ...
