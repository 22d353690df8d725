"""Trials on Ray: persistent workers, refilled the moment they are free, replaced when lost.

The only module that knows Ray. A worker is an actor without restarts (`max_restarts=0`: with
restarts an out-of-memory kill loses its cause) that imports torch and gets the evaluator, with its
data, once from the object store. One trial is in flight per worker. A hung trial is ended by
killing its worker, since Ray cannot cancel a running method.
"""

import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nas.errors import ExecutionError
from nas.evaluation.evaluator import Evaluator
from nas.trial import Failure, FailureKind, TrialResult, TrialSpec, TrialState

_LOG = logging.getLogger(__name__)

# Past its own time limit a trial gets this long to end by itself before its worker is killed.
GRACE_S = 20.0


@dataclass(frozen=True)
class RaySettings:
    """What to ask of Ray.

    Attributes:
        address: a running cluster ("auto" or host:port), or None for a local Ray of our own.
        num_workers: trials that run at once; None for as many as the resources allow.
        cpus_per_trial: cores that a trial reserves, and its number of threads.
        gpus_per_trial: GPUs that a trial reserves; fractions share one.
        resources: custom resources that a trial reserves.
        start_timeout_s: how long to wait for the first worker.
    """

    address: str | None = None
    num_workers: int | None = None
    cpus_per_trial: float = 1.0
    gpus_per_trial: float = 0.0
    resources: Mapping[str, float] = field(default_factory=dict)
    start_timeout_s: float = 120.0


class _Worker:
    """Lives in a Ray process; evaluates trials one at a time."""

    def __init__(self, evaluator: Sequence[Any], import_paths: Sequence[str]) -> None:
        import ray

        # The user's own modules lie in the launch folder, which a console script leaves out.
        sys.path.extend(path for path in import_paths if path not in sys.path)
        self._evaluator: Evaluator = ray.get(evaluator[0])
        self._evaluator.prepare()

    def ready(self) -> bool:
        return True

    def evaluate(self, spec: TrialSpec) -> TrialResult:
        return self._evaluator.evaluate(spec)


@dataclass
class _Running:
    worker: Any
    spec: TrialSpec
    deadline: float | None


class RayBackend:
    """A backend on a local Ray that it starts and stops, or on a running cluster.

    Args:
        evaluator: sent to each worker once.
        settings: what to ask of Ray.
        environment: environment variables of the workers, set before they import anything.

    Raises:
        ExecutionError: the cluster cannot be reached, or no worker can be had.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        settings: RaySettings,
        *,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._settings = settings
        self._environment = dict(environment or {})
        self._starting: dict[Any, Any] = {}
        self._idle: list[Any] = []
        self._running: dict[Any, _Running] = {}
        self._owns_ray = _connect(settings)
        try:
            self._num_workers = settings.num_workers or _fitting_workers(settings)
            import ray

            self._evaluator = ray.put(evaluator)
            for _ in range(self._num_workers):
                self._start_worker()
            self._await_first_worker()
        except BaseException:
            self.close()
            raise

    @property
    def num_slots(self) -> int:
        """How many trials can run at once now."""
        return self._num_workers

    @property
    def num_free(self) -> int:
        """How many workers are ready and idle now."""
        return len(self._idle)

    def submit(self, spec: TrialSpec) -> None:
        """Start a trial on an idle worker; returns at once."""
        worker = self._idle.pop()
        limit = spec.time_limit_s
        deadline = None if limit is None else time.monotonic() + limit + GRACE_S
        self._running[worker.evaluate.remote(spec)] = _Running(worker, spec, deadline)

    def next_finished(self, *, timeout_s: float) -> Sequence[TrialResult]:
        """Wait until a trial ends or a worker is ready; return all trials that ended."""
        import ray

        waited = [*self._running, *self._starting]
        if not waited:
            return []
        ready, rest = ray.wait(waited, num_returns=1, timeout=timeout_s)
        if ready and rest:
            more, _ = ray.wait(rest, num_returns=len(rest), timeout=0)
            ready += more
        for reference in [ref for ref in ready if ref in self._starting]:
            self._welcome(reference)
        results = [self._collect(reference) for reference in ready if reference in self._running]
        return results + self._end_overdue()

    def close(self) -> None:
        """End all workers, and the local Ray if it is ours."""
        import ray

        if not ray.is_initialized():
            return
        for worker in [*self._idle, *self._starting.values(), *self._workers_running()]:
            ray.kill(worker, no_restart=True)
        self._idle, self._starting, self._running = [], {}, {}
        if self._owns_ray:
            ray.shutdown()

    def _workers_running(self) -> list[Any]:
        return [running.worker for running in self._running.values()]

    def _start_worker(self) -> None:
        import ray

        actor = ray.remote(_Worker).options(
            num_cpus=self._settings.cpus_per_trial,
            num_gpus=self._settings.gpus_per_trial,
            resources=dict(self._settings.resources),
            max_restarts=0,
            runtime_env={"env_vars": self._environment} if self._environment else None,
        )
        # In a list the reference stays one: the evaluator is unpickled after the paths are set.
        worker = actor.remote([self._evaluator], _import_paths())
        self._starting[worker.ready.remote()] = worker

    def _await_first_worker(self) -> None:
        deadline = time.monotonic() + self._settings.start_timeout_s
        while not self._idle:
            if time.monotonic() > deadline:
                raise ExecutionError(
                    f"no worker started within {self._settings.start_timeout_s:g} s: each needs "
                    f"{_needs(self._settings)}; lower execution.cpus_per_trial or "
                    "execution.gpus_per_trial, or add nodes"
                )
            self.next_finished(timeout_s=0.5)

    def _welcome(self, reference: Any) -> None:
        import ray

        worker = self._starting.pop(reference)
        try:
            ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            raise ExecutionError(f"a worker could not get ready: {error.cause}") from error
        except ray.exceptions.RayError as error:
            _LOG.warning("a worker was lost while it started, another takes its place: %s", error)
            self._start_worker()
        else:
            self._idle.append(worker)

    def _collect(self, reference: Any) -> TrialResult:
        import ray

        running = self._running.pop(reference)
        try:
            result: TrialResult = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            # Evaluators return failures; what they raise all the same is the trial's fault.
            self._idle.append(running.worker)
            return _failed(running.spec, FailureKind.ERROR, str(error.cause), str(error))
        except ray.exceptions.OutOfMemoryError as error:
            self._start_worker()
            return _failed(running.spec, FailureKind.OUT_OF_MEMORY, _first_line(error), str(error))
        except ray.exceptions.RayError as error:
            _LOG.warning("trial %d lost its worker: %s", running.spec.number, _first_line(error))
            ray.kill(running.worker, no_restart=True)
            self._start_worker()
            return _failed(running.spec, FailureKind.LOST, _first_line(error), str(error))
        self._idle.append(running.worker)
        return result

    def _end_overdue(self) -> list[TrialResult]:
        import ray

        now = time.monotonic()
        overdue = [
            reference
            for reference, running in self._running.items()
            if running.deadline is not None and now > running.deadline
        ]
        results = []
        for reference in overdue:
            running = self._running.pop(reference)
            ray.kill(running.worker, no_restart=True)
            self._start_worker()
            text = f"ran past its time limit of {running.spec.time_limit_s:g} s and was ended"
            results.append(_failed(running.spec, FailureKind.TIMEOUT, text))
        return results


def _connect(settings: RaySettings) -> bool:
    """Join the cluster, or start a local Ray; return whether it is ours to stop."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # From Ray 2.5x on, workers without a GPU share see all GPUs unless this is set.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")
    import ray

    if ray.is_initialized():
        return False
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if settings.address is not None:
            ray.init(address=settings.address, **options)
        else:
            ray.init(include_dashboard=False, **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ExecutionError(
            f"no Ray cluster answers at execution.address={settings.address} "
            f"({_first_line(error)}); start one with 'ray start --head', give its host:port, or "
            "leave execution.address out for a local Ray"
        ) from error
    return True


def _fitting_workers(settings: RaySettings) -> int:
    """Return how many workers the cluster's resources hold now.

    Raises:
        ExecutionError: not even one.
    """
    import ray

    have = ray.cluster_resources()
    needs = {
        "CPU": settings.cpus_per_trial,
        "GPU": settings.gpus_per_trial,
        **settings.resources,
    }
    fits = [int(have.get(name, 0.0) / need + 1e-9) for name, need in needs.items() if need > 0]
    if not fits or min(fits) < 1:
        offered = ", ".join(f"{name} {have.get(name, 0.0):g}" for name in needs)
        raise ExecutionError(
            f"a trial needs {_needs(settings)}, but Ray offers {offered}; lower "
            "execution.cpus_per_trial, execution.gpus_per_trial or execution.resources"
        )
    return min(fits)


def _needs(settings: RaySettings) -> str:
    needs = {"CPU": settings.cpus_per_trial, "GPU": settings.gpus_per_trial, **settings.resources}
    return ", ".join(f"{name} {need:g}" for name, need in needs.items() if need)


def _import_paths() -> list[str]:
    return [path for path in sys.path if path]


def _failed(spec: TrialSpec, kind: FailureKind, message: str, traceback: str = "") -> TrialResult:
    return TrialResult(
        number=spec.number,
        attempt=spec.attempt,
        state=TrialState.FAILED,
        failure=Failure(kind, message, traceback),
    )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
