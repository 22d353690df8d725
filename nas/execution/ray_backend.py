"""Trials on Ray: persistent workers, refilled the moment they are free, replaced when lost.

A worker is an actor without restarts (`max_restarts=0`: with restarts an out-of-memory kill loses
its cause) that gets the evaluator, with its data, once from the object store of its node. One call
is in flight per worker; where trials take milliseconds a call carries several. A hung trial is
ended by killing its worker, since Ray cannot cancel a running method. Workers follow the cluster:
a node that joins is used at once, one that leaves gives its trials back.
"""

import logging
import math
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nas.errors import ExecutionError
from nas.evaluation.evaluator import Evaluator
from nas.execution.guard import failed
from nas.execution.ray_cluster import (
    RaySettings as RaySettings,  # those who make a backend find its settings beside it
)
from nas.execution.ray_cluster import (
    connect,
    import_paths,
    living_nodes,
    num_fitting,
    num_idle_gpus,
    offer,
    runtime_env,
)
from nas.execution.ray_kept import kept_ray
from nas.execution.ray_memory import is_to_blame, memory_of_killed
from nas.execution.ray_worker import Batch, Place, Worker
from nas.running_clock import running_s
from nas.trial import FailureKind, TrialResult, TrialSpec

_LOG = logging.getLogger(__name__)

# Past its own time limit a trial gets this long to end by itself before its worker is killed.
GRACE_S = 20.0
# How often the cluster is asked for nodes that came or went.
LOOK_EVERY_S = 1.0
# A call to a worker costs the driver 0.7 ms: trials shorter than half of this travel together.
CALL_S = 0.02
MAX_BATCH = 16
# A trial whose worker died this often, on nodes that live on, is taken to kill its workers.
MAX_CRASHES = 3
# A trial whose worker was ended for taking most of a full node's memory this often takes too much.
MAX_EXCESSES = 2
# After so many workers in a row died while they started, beyond all that one lost node or a lost
# cluster can take along, none that lives is to be expected.
MAX_STILLBIRTHS = 5
# While every slot is taken by others, say so this often.
WAIT_MESSAGE_S = 30.0


@dataclass
class _Call:
    """What a busy worker is at."""

    worker: Any
    specs: tuple[TrialSpec, ...]
    deadline_s: float


class RayBackend:
    """A backend on a local Ray that it starts and stops, or on a running cluster.

    Args:
        evaluator: sent to each node once.
        settings: what to ask of Ray.
        environment: environment variables of the workers, set before they import anything.

    Raises:
        ExecutionError: the cluster cannot be reached, or no worker can be had.
    """

    is_concurrent = True

    def __init__(
        self,
        evaluator: Evaluator,
        settings: RaySettings,
        *,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        import ray

        self._settings = settings
        self._environment = dict(environment or {})
        self._kept, self._left = kept_ray(), list[Any]()
        self._starting: dict[Any, Any] = {}
        self._idle: list[Any] = []
        self._calls: dict[Any, _Call] = {}
        self._pending: deque[TrialSpec] = deque()
        self._place_of: dict[Any, Place] = {}
        self._crashes: Counter[int] = Counter()
        self._num_stillbirths = 0
        self._mean_s = math.inf
        self._num_wanted = 0
        self._looked_s = -math.inf
        self._local = connect(settings, self._environment)
        try:
            self._actor = ray.remote(Worker).options(
                num_cpus=settings.cpus_per_trial,
                num_gpus=settings.gpus_per_trial,
                resources=dict(settings.resources),
                max_restarts=0,
                runtime_env=runtime_env(self._environment, local=self._local),
            )
            if num_gpus := num_idle_gpus(settings):
                _LOG.warning(
                    "the nodes have %d GPUs and trials ask for none: execution.gpus_per_trial=1",
                    num_gpus,
                )
            self._evaluator = ray.put(evaluator)
            if self._kept is not None:
                self._left = self._kept.take(kind=self._kind)
            self._await_first_worker()
        except BaseException:
            self.close()
            raise

    @property
    def _kind(self) -> object:
        """What a worker must have in common with those of another backend to serve both."""
        return self._settings, self._environment

    @property
    def num_slots(self) -> int:
        """How many workers there are, those that start included."""
        return len(self._idle) + len(self._calls) + len(self._starting)

    @property
    def num_free(self) -> int:
        """How many trials the idle workers would take now."""
        return max(0, len(self._idle) * self._batch_size() - len(self._pending))

    def submit(self, spec: TrialSpec) -> None:
        """Take a trial for an idle worker; returns at once."""
        assert self.num_free > 0, "submit needs a free slot"
        self._pending.append(spec)
        if len(self._pending) >= self._batch_size():
            self._call(self._batch_size())

    def next_finished(self, *, timeout_s: float) -> Sequence[TrialResult]:
        """Wait until a trial ends or a worker is ready; return all trials that ended."""
        import ray

        while self._pending and self._idle:
            self._call(math.ceil(len(self._pending) / len(self._idle)))
        self._follow_cluster()
        waited = [*self._calls, *self._starting]
        if not waited:
            time.sleep(min(timeout_s, LOOK_EVERY_S))
            return []
        ready, rest = ray.wait(waited, num_returns=1, timeout=timeout_s)
        if ready and rest:
            more, _ = ray.wait(rest, num_returns=len(rest), timeout=0)
            ready += more
        for reference in [ref for ref in ready if ref in self._starting]:
            self._welcome(reference)
        ended = [ref for ref in ready if ref in self._calls]
        results = [result for reference in ended for result in self._collect(reference)]
        return results + self._end_overdue()

    def close(self) -> None:
        """End all workers, and the local Ray if it is ours."""
        import ray

        local, self._local = self._local, None
        if ray.is_initialized():
            self._end_workers()
        if local is not None and self._kept is None:
            local.close()

    def _end_workers(self) -> None:
        import ray

        unused = [*self._idle, *self._left]
        if self._kept is not None and self._kept.leave(unused, kind=self._kind):
            unused = []
        busy = [call.worker for call in self._calls.values()]
        for worker in [*unused, *self._starting.values(), *busy]:
            ray.kill(worker, no_restart=True)
        self._left = []
        self._idle, self._starting, self._calls = [], {}, {}
        self._pending.clear()

    def _batch_size(self) -> int:
        if self._mean_s <= 0.0:
            return MAX_BATCH
        return max(1, min(MAX_BATCH, int(CALL_S / self._mean_s)))

    def _call(self, num_specs: int) -> None:
        """Hand pending trials to an idle worker; one that was lost before goes alone."""
        specs = [self._pending.popleft()]
        while (
            len(specs) < num_specs
            and self._pending
            and specs[0].attempt == self._pending[0].attempt == 0
        ):
            specs.append(self._pending.popleft())
        worker = self._idle.pop()
        limits = [spec.time_limit_s for spec in specs]
        limit_s = math.inf if None in limits else sum(limit or 0.0 for limit in limits) + GRACE_S
        call = _Call(worker, tuple(specs), running_s() + limit_s)
        self._calls[worker.evaluate.remote(specs)] = call

    def _follow_cluster(self) -> None:
        """Start workers on what the cluster has room for, lost workers' places included."""
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = now_s
            self._num_wanted = self._settings.num_workers or num_fitting(self._settings)
        for _ in range(self._num_wanted - self.num_slots):
            worker = self._left.pop() if self._left else self._actor.remote()
            self._starting[worker.prepare.remote([self._evaluator], import_paths())] = worker
        surplus = min(self.num_slots - self._num_wanted, len(self._starting))
        for _ in range(surplus):  # their node went before they came
            self._dismiss(self._starting.popitem()[1])

    def _await_first_worker(self) -> None:
        """Wait for a worker: a while for a node that could hold one, then for its turn.

        Raises:
            ExecutionError: no node can hold one.
        """
        begin_s = told_s = time.monotonic()
        while not self._idle:
            self.next_finished(timeout_s=0.5)
            now_s = time.monotonic()
            if num_fitting(self._settings) > 0:
                begin_s = now_s
            # No autoscaler brings nodes to a local Ray.
            patience_s = 0.0 if self._local else self._settings.start_timeout_s
            if now_s - begin_s > patience_s:
                raise ExecutionError(
                    f"no node can hold a trial, which needs {self._settings.describe_needs()}; "
                    f"Ray offers {offer(self._settings)}. Lower execution.cpus_per_trial, "
                    "execution.gpus_per_trial or execution.resources, or add nodes"
                )
            if not self._idle and now_s - told_s > WAIT_MESSAGE_S:
                told_s = now_s
                _LOG.warning("waiting for a worker: others use the cluster, or it starts slowly")

    def _welcome(self, reference: Any) -> None:
        import ray

        worker = self._starting.pop(reference)
        try:
            self._place_of[worker] = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            raise ExecutionError(f"a worker could not get ready: {error}") from error
        except ray.exceptions.RayError as error:
            self._num_stillbirths += 1
            if self._num_stillbirths >= MAX_STILLBIRTHS + self._num_wanted:
                raise ExecutionError(
                    f"{self._num_stillbirths} workers in a row died while they started: {error}"
                ) from error
            _LOG.warning("a worker died while it started, another follows: %s", _line(error))
        else:
            self._num_stillbirths = 0
            self._idle.append(worker)

    def _collect(self, reference: Any) -> list[TrialResult]:
        import ray

        call = self._calls.pop(reference)
        try:
            batch: Batch = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            # The worker catches what an evaluator raises; this error could not be sent back.
            self._idle.append(call.worker)
            return [
                failed(spec, FailureKind.ERROR, _line(error.cause), traceback=str(error))
                for spec in call.specs
            ]
        except ray.exceptions.RayError as error:
            self._dismiss(call.worker)
            return self._after_loss(call, error)
        self._idle.append(call.worker)
        seconds = batch.seconds / len(call.specs)
        is_first = math.isinf(self._mean_s)
        self._mean_s = seconds if is_first else 0.9 * self._mean_s + 0.1 * seconds
        return list(batch.results)

    def _after_loss(self, call: _Call, error: Exception) -> list[TrialResult]:
        """Say why a worker died: by the fault of its trial, or by something else."""
        import ray

        place = self._place_of.pop(call.worker)
        numbers = ", ".join(str(spec.number) for spec in call.specs)
        _LOG.warning("trial %s lost its worker: %s", numbers, _line(error))
        lost = [failed(spec, FailureKind.LOST, _line(error)) for spec in call.specs]
        if len(call.specs) > 1:  # whose fault it is shows when each goes alone
            return lost
        spec = call.specs[0]
        if isinstance(error, ray.exceptions.OutOfMemoryError):
            return lost if self._is_first_excess(spec, place, error) else [_too_large(spec, error)]
        if not isinstance(error, ray.exceptions.ActorDiedError):
            return lost  # unreachable: its node is going
        if error.preempted or place.node not in living_nodes():
            return lost
        self._crashes[spec.number] += 1
        if self._crashes[spec.number] < MAX_CRASHES:
            return lost
        text = f"the worker process died in all of {MAX_CRASHES} attempts: {_line(error)}"
        return [failed(spec, FailureKind.ERROR, text, traceback=str(error))]

    def _is_first_excess(self, spec: TrialSpec, place: Place, error: Exception) -> bool:
        """Say whether a trial may be tried again after a node ran out of memory."""
        if not is_to_blame(place.pid, str(error)):
            return True
        # Other programs may have filled the node, so once is no proof.
        self._crashes[spec.number] += 1
        return self._crashes[spec.number] < MAX_EXCESSES

    def _end_overdue(self) -> list[TrialResult]:
        now_s = running_s()
        results = []
        for reference in [ref for ref, call in self._calls.items() if call.deadline_s < now_s]:
            call = self._calls.pop(reference)
            self._dismiss(call.worker)
            for spec in call.specs:
                text = f"ran past its time limit of {spec.time_limit_s:g} s and was ended"
                kind = FailureKind.TIMEOUT if len(call.specs) == 1 else FailureKind.LOST
                results.append(failed(spec, kind, text, seconds=spec.time_limit_s or 0.0))
        return results

    def _dismiss(self, worker: Any) -> None:
        import ray

        ray.kill(worker, no_restart=True)


def _too_large(spec: TrialSpec, error: Exception) -> TrialResult:
    used = memory_of_killed(str(error))
    share = f", while it used {max(used.values()):g} GB" if used else ""
    text = f"the node ran out of memory and ended the trial, {MAX_EXCESSES} times{share}"
    return failed(spec, FailureKind.OUT_OF_MEMORY, text, traceback=str(error))


def _line(error: BaseException) -> str:
    """Return the line of an error that says most; Ray's first ones often say nothing."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return " ".join(lines[:2])[:300] if lines else type(error).__name__
