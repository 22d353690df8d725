"""What lives in a Ray worker process: one evaluator, and trials handed to it."""

import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from nas.evaluation.evaluator import Evaluator
from nas.execution.guard import evaluate_guarded
from nas.trial import TrialResult, TrialSpec


@dataclass(frozen=True)
class Batch:
    """What came of one call to a worker.

    Attributes:
        results: one for each trial, in order.
        seconds: wall time in the worker.
    """

    results: tuple[TrialResult, ...]
    seconds: float


@dataclass(frozen=True)
class Place:
    """Where a worker lives.

    Attributes:
        node: Ray's id of its node.
        pid: its process there.
    """

    node: str
    pid: int


class Worker:
    """A Ray actor; evaluates trials one at a time."""

    def __init__(self) -> None:
        self._evaluator: Evaluator | None = None
        self._name = f"{platform.node()}:{os.getpid()}"

    def prepare(self, evaluator: Sequence[Any], import_paths: Sequence[str]) -> Place:
        """Fetch the evaluator from the node's object store and get it ready, in place of another.

        Args:
            evaluator: a list with its object reference: in a list it stays one, so that it is
                unpickled here, after the paths are set.
            import_paths: where the driver finds the user's own modules; a console script leaves
                the launch folder out, and so does a worker.

        Returns:
            Where it is ready now.
        """
        import ray

        sys.path.extend(path for path in import_paths if path not in sys.path)
        self._evaluator = None  # its data need not lie beside those of the next one
        ready: Evaluator = ray.get(evaluator[0])
        ready.prepare()
        self._evaluator = ready
        return Place(str(ray.get_runtime_context().get_node_id()), os.getpid())

    def evaluate(self, specs: Sequence[TrialSpec]) -> Batch:
        """Evaluate trials one after the other."""
        started_s = time.monotonic()
        results = tuple(self._evaluate(spec) for spec in specs)
        return Batch(results, time.monotonic() - started_s)

    def _evaluate(self, spec: TrialSpec) -> TrialResult:
        assert self._evaluator is not None, "prepare comes first"
        result = evaluate_guarded(self._evaluator, spec)
        return result if result.worker else replace(result, worker=self._name)
