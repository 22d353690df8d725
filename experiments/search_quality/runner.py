"""Runs contests in processes of their own, and keeps what comes of them."""

import multiprocessing
import time
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import torch

from experiments.search_quality.contest import Outcome, run_contest
from experiments.search_quality.store import add_outcome


@dataclass(frozen=True)
class Job:
    """One contest to run, and the file that gets its outcome."""

    path: Path
    problem: str
    method: str
    seed: int
    num_trainings: int


def run_jobs(jobs: list[Job], *, num_workers: int) -> int:
    """Run contests side by side, keep each result at once; return how many failed."""
    print(f"{len(jobs)} contests to run", flush=True)
    num_failed, started = 0, time.perf_counter()
    # Spawned, not forked: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(num_workers, mp_context=context, initializer=_limit) as pool:
        futures = [pool.submit(_contest, job) for job in jobs]
        for number, future in enumerate(as_completed(futures), start=1):
            job, outcome = future.result()
            at = f"{number}/{len(jobs)} {time.perf_counter() - started:6.0f} s  "
            line = f"{at}{job.problem:20} {job.method:24} seed {job.seed:2}  "
            if isinstance(outcome, str):
                num_failed += 1
                print(f"{line}failed: {outcome}", flush=True)
                continue
            add_outcome(job.path, seed=job.seed, outcome=outcome)
            print(
                f"{line}{outcome.volumes[-1]:.3f} ({outcome.num_repeats} repeats, "
                f"{outcome.num_given} given, {outcome.method_s:.1f} s)",
                flush=True,
            )
    return num_failed


def _limit() -> None:
    """One thread per process: the contests themselves fill the cores."""
    torch.set_num_threads(1)


def _contest(job: Job) -> tuple[Job, Outcome | str]:
    try:
        return job, run_contest(
            job.method, job.problem, seed=job.seed, num_trainings=job.num_trainings
        )
    except Exception:  # noqa: BLE001 - one broken rival must not end the contest
        return job, traceback.format_exc().strip().splitlines()[-1]
