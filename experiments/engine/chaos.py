"""A search of a table under faults: is anything lost or doubled?

    python -m experiments.engine.chaos --faults 100

Starts a Ray of several nodes on this machine, searches a table on it in a driver process, and does
harm at random (the seed is printed): workers, nodes, drivers and the head die, evaluations go
wrong, records are torn, the disk is full, the database goes away. At the end each trial must be on
record exactly once, complete or failed as it was meant to; trials, front and database must equal
those of an undisturbed run, and each member of the front must have its weights.
"""

import argparse
import random
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from experiments.engine.harm import Harm
from experiments.engine.mischief import KINDS, MischievousTable, planned_mischief
from experiments.engine.parts import (
    ByNumber,
    Silent,
    TimedTable,
    describe_machine,
    table_arguments,
    write_results,
)
from experiments.smoke import make_parser, run_experiment
from nas.engine.loop import run_search
from nas.engine.stopping import Stopping
from nas.engine.task import SearchSummary, SearchTask
from nas.execution import ray_backend
from nas.execution.inline import InlineBackend
from nas.execution.ray_backend import RayBackend
from nas.execution.ray_cluster import RaySettings
from nas.pareto.dominance import Front
from nas.record.run_folder import RunFolder
from nas.report.front import front_records
from nas.study.database import load_from_database, opened
from nas.study.journal import load_records
from nas.trial import TrialRecord, TrialState
from search_spaces.table import TableSpace

TRIALS_PER_FAULT = 6
TRIAL_S = 0.3
# Far from what a sound trial takes, on a busy machine too.
LIMIT_S, GRACE_S = 8.0, 2.0

Seconds = dict[str, list[float]]


def search_table(
    folder: Path,
    table: Path,
    *,
    num_trials: int | None,
    plan: Path,
    address: str | None = None,
    url: str | None = None,
) -> SearchSummary:
    """SearchLoop on a cluster, or undisturbed in this process."""
    is_real = address is not None
    evaluator = MischievousTable(
        table_arguments(table),
        plan=plan,
        is_real=is_real,
        seconds=TRIAL_S if is_real else 0.0,
        log=folder.with_suffix(".started"),
    )
    task = SearchTask(
        space=TableSpace(evaluator.table),
        evaluator=evaluator,
        objectives=evaluator.objectives,
        make_sampler=lambda _: ByNumber(),
        stopping=Stopping(num_trials, max_failed_share=1.0),
        trial_time_limit_s=LIMIT_S,
    )
    folder.mkdir(parents=True, exist_ok=True)
    return run_search(
        task,
        run_folder=RunFolder(folder),
        make_backend=lambda e: (
            RayBackend(e, RaySettings(address=address, cpus_per_trial=0.5))
            if is_real
            else InlineBackend(e)
        ),
        view=Silent(),
        publish=lambda _: None,
        storage_url=url,
    )


def wreak_havoc(num_faults: int, seed: int, folder: Path) -> Seconds:
    """Run a search under faults to its end, and check it; how long it took to be well again."""
    chance = random.Random(seed)
    began_s = time.monotonic()
    harm = Harm(folder, chance=chance)
    seconds: Seconds = defaultdict(list)
    try:
        # Each kind comes up before any comes again.
        order = [
            n for _ in range(num_faults) for n in chance.sample(list(harm.kinds), len(harm.kinds))
        ]
        harm.await_progress(TRIALS_PER_FAULT)
        for index, name in enumerate(order[:num_faults], start=1):
            at_s = time.monotonic()
            done = harm.num_done()
            print(
                f"{at_s - began_s:6.0f} s  fault {index:3}: {name} ({done} trials done)",
                flush=True,
            )
            harm.kinds[name]()
            harm.await_progress(TRIALS_PER_FAULT)
            seconds[name].append(time.monotonic() - at_s)
        harm.finish()
        check(harm, folder)
    finally:
        harm.close()
    return seconds


def check(harm: Harm, folder: Path) -> None:
    """Compare with the undisturbed run.

    Raises:
        AssertionError: a trial is lost, doubled, incomplete or different.
    """
    records = load_records(harm.run / "study.journal")
    undisturbed = search_table(
        folder / "undisturbed", harm.table, num_trials=harm.num_trials, plan=harm.plan
    ).records
    numbers = [record.number for record in records]
    assert numbers == list(range(len(undisturbed))), f"a trial is lost or doubled: {numbers}"
    assert len({r.architecture.id for r in records}) == len(records), "a network was trained twice"
    planned = planned_mischief(harm.plan)
    for record, expected in zip(records, undisturbed, strict=True):
        kind = KINDS[planned[record.number]] if record.number in planned else None
        assert record.state is (TrialState.FAILED if kind else TrialState.COMPLETE), record
        assert (record.failure.kind if record.failure else None) is kind, record
        assert _outcome(record) == _outcome(expected), f"{record} differs from {expected}"
    assert _front(records) == _front(undisturbed), "the front differs"
    objectives = TimedTable(table_arguments(harm.table)).objectives
    check_weights(harm.run, front_records(records, objectives))
    with opened(harm.url) as storage:
        mirrored = load_from_database(storage, "run")
    assert mirrored is not None
    for record, copy in zip(records, mirrored.records, strict=True):
        assert copy == record, f"the database says {copy}, the run folder {record}"


def check_weights(run: Path, members: Sequence[TrialRecord]) -> None:
    """Make sure that each member of the recorded front has its weights.

    Raises:
        AssertionError: one lacks them, or has those of another.
    """
    for member in members:
        place = run / "models" / str(member.number) / "weights.safetensors"
        assert place.is_file(), f"member {member.number} has no weights"
        assert place.read_bytes() == member.architecture.id.encode(), "weights of another"


def _outcome(record: TrialRecord) -> tuple[object, ...]:
    measured = record.metrics.get("quality"), record.metrics["size"]
    return record.number, record.architecture.id, record.state, measured


def _front(records: Sequence[TrialRecord]) -> list[tuple[str, tuple[float, ...]]]:
    front = Front()
    for record in records:
        if record.state is TrialState.COMPLETE:
            losses = (-record.metrics["quality"], record.metrics["size"])
            front.add(record.architecture.id, losses)
    return front.members()


def report(seconds: Seconds) -> list[dict[str, Any]]:
    """Return a row for each kind of fault: how often, and how long until all was well again."""
    rows = [
        {
            "fault": name,
            "times": len(each),
            "mean_s": round(sum(each) / len(each), 1),
            "max_s": round(max(each), 1),
        }
        for name, each in seconds.items()
    ]
    every = [value for each in seconds.values() for value in each]
    mean_s = round(sum(every) / len(every), 1)
    return [
        *rows,
        {"fault": "all", "times": len(every), "mean_s": mean_s, "max_s": round(max(every), 1)},
    ]


def drive(options: argparse.Namespace) -> int:
    """SearchLoop as the driver process."""
    if options.max_file_bytes:
        sys.dont_write_bytecode = True  # a cut .pyc file would fail the next driver
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (options.max_file_bytes, hard))
    ray_backend.GRACE_S = GRACE_S
    summary = search_table(
        options.drive,
        options.table,
        num_trials=options.trials,
        plan=options.plan,
        address=options.address,
        url=options.url,
    )
    return 130 if summary.is_interrupted else 0


def main(words: Sequence[str]) -> int:
    """Parse the command line; also the driver's entry."""
    parser = make_parser(__doc__)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--results", type=Path, default=None)
    for name in ("--drive", "--table", "--plan"):
        parser.add_argument(name, type=Path, help=argparse.SUPPRESS)
    for name in ("--address", "--url"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    for name in ("--trials", "--max-file-bytes"):
        parser.add_argument(name, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.drive is not None:
        return drive(options)
    began_s = time.monotonic()
    print(f"seed {options.seed}; {describe_machine()}", flush=True)
    with tempfile.TemporaryDirectory(prefix="nas-chaos-") as folder:
        rows = report(wreak_havoc(options.faults, options.seed, Path(folder)))
    minutes = (time.monotonic() - began_s) / 60
    for row in rows:
        print(row)
    print(f"{options.faults} faults in {minutes:.1f} min: each trial on record exactly once;")
    print("results, front and database equal those of an undisturbed run")
    if options.results is not None:
        about = {
            "minutes": round(minutes, 1),
            "machine": f"seed {options.seed}; {describe_machine()}",
        }
        write_results(options.results, [{**row, **about} for row in rows])
    return 0


def small(_: Path) -> Iterator[list[str]]:
    """Do harm once, of a kind by chance."""
    yield ["--faults", "1", "--seed", str(random.SystemRandom().randrange(10**6))]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
