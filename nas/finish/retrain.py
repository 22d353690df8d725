"""Trains networks once more, on train and validation together, and tests each one a single time.

A job is one architecture with one seed. Jobs run side by side on a backend, as the trials of a
search do. A free worker gets the next job at once, and the job of a lost worker is given to
another. A job counts as done once its weights, and then its result, are on disk.
"""

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from nas.architecture import Architecture
from nas.evaluation.evaluator import Evaluator
from nas.evaluation.trained import TrainedEvaluator
from nas.evaluation.winner_metric import AnyData
from nas.execution.backend import Backend
from nas.files import CHECKPOINT_FILES, remove_own, write_bytes
from nas.finish.ledger import Ledger, LedgerEntry
from nas.finish.length import CurvePoint, Gain, Lengths
from nas.finish.pace import Pace
from nas.planning.command_time import Retrainings
from nas.space.space import SearchSpace
from nas.train.recipe import Recipe
from nas.trial import Failure, FailureKind, TrialResult, TrialSpec, TrialState

_LOG = logging.getLogger(__name__)

_TURN_S = 0.5  # the longest wait before a signal is seen
_MAX_ATTEMPTS = 3  # of a job whose worker is lost
CHECKPOINT_EVERY_S = 30.0  # a long training is saved so often, and continues from there


@dataclass(frozen=True)
class Retraining:
    """One training.

    Attributes:
        key: equal for equal architecture, seed, recipe and data.
        name: for people.
        architecture: what to train.
        seed: of weights, order and augmentation.
        step: what it is trained for.
        epochs: of it; None: the recipe's.
        work_s: wall time that is planned for it; 0 where nobody knows.
        least_epochs: of it, where there is too little time for `epochs`.
    """

    key: str
    name: str
    architecture: Architecture
    seed: int
    step: str
    epochs: int | None = None
    work_s: float = 0.0
    least_epochs: int = 0


class Interruptible(Protocol):
    """Says whether a signal asked to end."""

    requested: bool


Watch = Callable[[], AbstractContextManager[Interruptible]]
MakeBackend = Callable[[Evaluator], Backend]
OnEntry = Callable[[Retraining, LedgerEntry, int, int], None]
OnLength = Callable[[Sequence[CurvePoint], Sequence[Gain]], None]


def _unseen(*_: object) -> None:
    """Take note of nothing."""


@dataclass(frozen=True)
class Crew:
    """Who does the work, and who looks on.

    Attributes:
        make_backend: starts workers for an evaluator.
        watch: opened while jobs run; its signal ends the work after what has ended is on disk.
        on_entry: called after each job: the job, its entry, the number done, the number of all.
        time_limit_s: a training that takes longer fails; None for no limit.
        on_length: called when winners were trained for some epochs, to find out how many they
            need; with what each gained by the doubling, where it was one.
        on_settled: called when it is known how long the winners train, with the number of
            retrainings that are not on record yet.
        retrainings: when they must have ended, by `running_s`; None for no such time.
        pace: shares that time among those that run now; None where they have no such time.
        tell: takes a line for people.
    """

    make_backend: MakeBackend
    watch: Watch
    on_entry: OnEntry
    time_limit_s: float | None = None
    on_length: OnLength = _unseen
    on_settled: Callable[[Lengths, int], None] = _unseen
    retrainings: Retrainings | None = None
    pace: Pace | None = None
    tell: Callable[[str], None] = _unseen


@dataclass(frozen=True)
class Outcome:
    """How a list of jobs ended.

    Attributes:
        is_interrupted: a signal came before all were done.
        failures: name of the job and why it failed.
    """

    is_interrupted: bool
    failures: tuple[tuple[str, Failure], ...]


def final_evaluator(
    space: SearchSpace,
    dataset: AnyData,
    recipe: Recipe,
    *,
    num_threads: float | None = 1,
    gpu_share: float | None = None,
) -> TrainedEvaluator:
    """Return an evaluator that learns from train and validation and judges by the test split.

    Args:
        space: builds the models.
        dataset: all three splits.
        recipe: how to train.
        num_threads: CPU threads of a training; None leaves torch's own number.
        gpu_share: GPUs of a training; below 1 its share of the GPU's memory is kept too.
    """
    evaluator = TrainedEvaluator(
        space,
        dataset,
        recipe,
        (),
        num_threads=num_threads,
        gpu_share=gpu_share,
        checkpoint_every_s=CHECKPOINT_EVERY_S,
    )
    evaluator.data = dataset.final_data()
    return evaluator


def weights_path(folder: Path, key: str) -> Path:
    """Return where the weights of a job are kept, given the `finish` folder."""
    return folder / "weights" / f"{key}.safetensors"


def run_jobs(
    jobs: Sequence[Retraining], *, evaluator: Evaluator, ledger: Ledger, folder: Path, crew: Crew
) -> Outcome:
    """Run the jobs that the ledger does not hold yet.

    Args:
        jobs: distinct keys.
        evaluator: trains and tests; its metrics go to the ledger.
        ledger: of the `finish` folder.
        folder: the `finish` folder; weights go below it.
        crew: workers and onlookers.

    Raises:
        ExecutionError: workers cannot be had.
    """
    if all(job.key in ledger for job in jobs):
        return Outcome(False, ())
    backend = crew.make_backend(evaluator)
    try:
        with crew.watch() as watch:
            return run_on(backend, jobs, ledger, folder, crew, watch)
    finally:
        backend.close()


def run_on(
    backend: Backend,
    jobs: Sequence[Retraining],
    ledger: Ledger,
    folder: Path,
    crew: Crew,
    watch: Interruptible,
    *,
    keeps_weights: bool = True,
) -> Outcome:
    """Run those jobs that the ledger does not hold yet on workers that are there.

    Args:
        backend: the workers; they stay.
        jobs: distinct keys.
        ledger: of the `finish` folder.
        folder: the `finish` folder.
        crew: onlookers, and the limit of the time.
        watch: its signal ends the work.
        keeps_weights: whether the weights of each job are written.
    """
    waiting = deque(index for index, job in enumerate(jobs) if job.key not in ledger)
    attempts = dict.fromkeys(waiting, 0)
    failures: list[tuple[str, Failure]] = []
    num_running = 0
    while (waiting or num_running) and not watch.requested:
        while waiting and backend.num_free:
            number = waiting.popleft()
            spec = _spec(jobs[number], number, attempts[number], folder, crew.time_limit_s)
            within_s = _within_s(jobs, number, waiting, crew.pace, backend.num_slots)
            backend.submit(replace(spec, within_s=within_s))
            num_running += 1
        for result in backend.next_finished(timeout_s=_TURN_S):
            num_running -= 1
            job = jobs[result.number]
            failure = _failure_of(result)
            if failure is None:
                weights = result.weights if keeps_weights else None
                entry = _keep(job, replace(result, weights=weights), ledger, folder)
                crew.on_entry(job, entry, sum(j.key in ledger for j in jobs), len(jobs))
            elif failure.kind is FailureKind.LOST and attempts[result.number] + 1 < _MAX_ATTEMPTS:
                attempts[result.number] += 1
                waiting.appendleft(result.number)
            else:
                _LOG.warning(
                    "%s failed (%s): %s\n%s",
                    job.name,
                    failure.kind,
                    failure.message,
                    failure.traceback,
                )
                failures.append((job.name, failure))
    return Outcome(watch.requested, tuple(failures))


def _checkpoint(folder: Path, job: Retraining) -> Path:
    return folder / "checkpoints" / job.key


def _spec(
    job: Retraining, number: int, attempt: int, folder: Path, time_limit_s: float | None
) -> TrialSpec:
    return TrialSpec(
        number=number,
        architecture=job.architecture,
        seed=job.seed,
        attempt=attempt,
        time_limit_s=time_limit_s,
        checkpoint=str(_checkpoint(folder, job).absolute()),
        epochs=job.epochs,
        least_epochs=job.least_epochs,
    )


def _within_s(
    jobs: Sequence[Retraining],
    number: int,
    waiting: Iterable[int],
    pace: Pace | None,
    num_slots: int,
) -> float | None:
    """Return the seconds in which a job that starts now is to end; None for no such time."""
    if pace is None or not jobs[number].work_s:
        return None
    later_s = [jobs[place].work_s for place in waiting]
    return pace.within_s(jobs[number].work_s, later_s, num_slots=max(1, num_slots))


def _failure_of(result: TrialResult) -> Failure | None:
    if result.state is not TrialState.COMPLETE:
        return result.failure or Failure(FailureKind.ERROR, "it ended without a result")
    bad = [name for name, value in result.metrics.items() if not math.isfinite(value)]
    if bad:
        return Failure(FailureKind.NONFINITE, f"{', '.join(bad)} is not finite")
    return None


def _keep(job: Retraining, result: TrialResult, ledger: Ledger, folder: Path) -> LedgerEntry:
    """Write weights, then the entry: a job in the ledger has its weights."""
    if result.weights is not None:
        write_bytes(weights_path(folder, job.key), result.weights)
    entry = LedgerEntry(
        job=job.key,
        metrics=dict(result.metrics),
        seconds=result.seconds,
        facts={
            "name": job.name,
            "seed": job.seed,
            "step": job.step,
            "architecture_id": job.architecture.id,
            "worker": result.worker,
            **({} if job.epochs is None else {"epochs": job.epochs}),
        },
    )
    ledger.append(entry)
    remove_own(_checkpoint(folder, job), CHECKPOINT_FILES)
    return entry
