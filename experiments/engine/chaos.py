"""A search of a table under faults: is anything lost or doubled?

    python -m experiments.engine.chaos --faults 100

Starts a Ray of several nodes on this machine, searches a table on it in a driver process, and does
harm at random (the seed is printed): workers, nodes and drivers die, records are torn, the disk is
full, the database goes away. At the end each asked trial must be complete exactly once, and the
trials and the front must equal those of an undisturbed run.
"""

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray
from ray.cluster_utils import Cluster

from experiments.engine.parts import (
    ByNumber,
    Silent,
    TimedTable,
    describe_machine,
    table_arguments,
    write_results,
    write_table,
)
from nas.execution.inline import InlineBackend
from nas.execution.ray_backend import RayBackend
from nas.execution.ray_cluster import RaySettings
from nas.pareto.dominance import Front
from nas.record.run_folder import RunFolder
from nas.sampling.database import load_from_database, opened
from nas.sampling.journal import load_records
from nas.search.loop import SearchSummary, SearchTask, run_search
from nas.search.stopping import Stopping
from nas.trial import TrialRecord, TrialState
from search_spaces.table import TableSpace

TRIALS_PER_FAULT = 6
TRIAL_S = 0.3
# What the search does after the last fault.
NUM_LAST = 30
MAX_NODES = 3
PATIENCE_S = 240.0


def search_table(
    folder: Path, table: Path, num_trials: int | None, *, address: str | None, url: str | None
) -> SearchSummary:
    """Search on a cluster, or undisturbed in this process."""
    log = folder.with_suffix(".started")
    evaluator = TimedTable(table_arguments(table), seconds=TRIAL_S if address else 0, log=log)
    task = SearchTask(
        space=TableSpace(evaluator.table),
        evaluator=evaluator,
        objectives=evaluator.objectives,
        make_sampler=lambda _: ByNumber(),
        stopping=Stopping(num_trials),
    )
    folder.mkdir(parents=True, exist_ok=True)
    return run_search(
        task,
        run_folder=RunFolder(folder),
        make_backend=lambda e: (
            RayBackend(e, RaySettings(address=address, cpus_per_trial=0.5))
            if address
            else InlineBackend(e)
        ),
        view=Silent(),
        publish=lambda _: None,
        storage_url=url,
    )


class Chaos:
    """A cluster, a driver on it, and ways to harm them."""

    def __init__(self, folder: Path, *, chance: random.Random) -> None:
        self.run = folder / "run"
        self.url = f"sqlite:///{folder}/studies.db"
        self._table = write_table(folder / "table.parquet")
        self._num_trials: int | None = None
        self._chance = chance
        self._cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
        self._nodes = [self._add_node() for _ in range(2)]
        self._driver = self._start_driver()
        self.faults: Counter[str] = Counter()

    @property
    def kinds(self) -> dict[str, Callable[[], None]]:
        """Name -> fault."""
        return {
            "worker killed": self.kill_worker,
            "node removed": self.remove_node,
            "node lost": self.lose_node,
            "node added": self.add_node,
            "driver killed": self.kill_driver,
            "Ctrl-C": self.interrupt,
            "record torn": self.tear_record,
            "disk full": self.fill_disk,
            "database locked": self.lock_database,
        }

    def num_done(self) -> int:
        """Return how many trials are complete on record, roughly."""
        journal = self.run / "study.journal"
        return journal.read_bytes().count(b'"datetime_complete":') if journal.exists() else 0

    def await_progress(self, num_trials: int) -> None:
        """Wait until so many more trials are done; a driver that ended is started again."""
        target = self.num_done() + num_trials
        deadline = time.monotonic() + PATIENCE_S
        while self.num_done() < target:
            assert time.monotonic() < deadline, f"no progress within {PATIENCE_S} s"
            if self._driver.poll() is not None:
                self._driver = self._start_driver()
            time.sleep(0.05)

    def finish(self) -> None:
        """Let the search come to an end in peace."""
        self._driver.kill()
        self._driver.wait()
        self._num_trials = len(load_records(self.run / "study.journal")) + NUM_LAST
        self._driver = self._start_driver()
        status = self._driver.wait(timeout=PATIENCE_S)
        assert status == 0, self.run.with_suffix(".output").read_text()[-3000:]

    def close(self) -> None:
        """End everything."""
        if self._driver.poll() is None:
            self._driver.kill()
        ray.shutdown()
        self._cluster.shutdown()

    def undisturbed(self, folder: Path) -> SearchSummary:
        """Return the same search without faults."""
        assert self._num_trials is not None, "the search must come to an end first"
        return search_table(folder, self._table, self._num_trials, address=None, url=None)

    def kill_worker(self) -> None:
        """Kill a process that evaluates a trial."""
        lines = self.run.with_suffix(".started").read_text().splitlines()[-8:]
        living = [pid for pid in {int(line.split()[2]) for line in lines} if _lives(pid)]
        if living:
            os.kill(self._chance.choice(living), signal.SIGKILL)

    def remove_node(self) -> None:
        """Take a node out of the cluster in order; keep one."""
        if len(self._nodes) > 1:
            node = self._nodes.pop(self._chance.randrange(len(self._nodes)))
            self._cluster.remove_node(node, allow_graceful=True)
        self._keep_two()

    def lose_node(self) -> None:
        """Kill a node's raylet, as if its power went."""
        if len(self._nodes) > 1:
            node = self._nodes.pop(self._chance.randrange(len(self._nodes)))
            self._cluster.remove_node(node, allow_graceful=False)
        self._keep_two()

    def add_node(self) -> None:
        """Add a node, up to a few."""
        if len(self._nodes) < MAX_NODES:
            self._nodes.append(self._add_node())

    def kill_driver(self) -> None:
        """Kill the search, and resume it."""
        self._driver.kill()
        self._driver.wait()
        self._driver = self._start_driver()

    def interrupt(self) -> None:
        """Ctrl-C the search, and resume it."""
        self._driver.send_signal(signal.SIGINT)
        self._driver.wait(timeout=PATIENCE_S)
        self._driver = self._start_driver()

    def tear_record(self) -> None:
        """Kill the search and cut the end of its record, as a crash of the machine would."""
        self._driver.kill()
        self._driver.wait()
        journal = self.run / "study.journal"
        whole = journal.read_bytes()
        # What is torn is not older than the last line: the rest was on disk, and acknowledged.
        last = len(whole.rstrip(b"\n").rpartition(b"\n")[2])
        os.truncate(journal, len(whole) - self._chance.randint(1, last))
        self._driver = self._start_driver()

    def fill_disk(self) -> None:
        """Let the search run into a limit of its files' size, then resume it without."""
        self._driver.kill()
        self._driver.wait()
        size = (self.run / "study.journal").stat().st_size
        self._driver = self._start_driver(max_file_bytes=max(size, 1 << 17) + 4000)

    def lock_database(self) -> None:
        """Keep the database busy for some seconds."""
        import sqlite3

        with sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=30) as connection:
            connection.execute("begin exclusive")
            time.sleep(self._chance.uniform(0.5, 3.0))

    def _keep_two(self) -> None:
        while len(self._nodes) < 2:
            self._nodes.append(self._add_node())

    def _add_node(self) -> Any:
        return self._cluster.add_node(num_cpus=1)

    def _start_driver(self, *, max_file_bytes: int | None = None) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "experiments.engine.chaos", "--drive", str(self.run)]
        command += ["--address", self._cluster.address, "--table", str(self._table)]
        command += ["--url", self.url]
        limit = ["--max-file-bytes", str(max_file_bytes)] if max_file_bytes else []
        limit += ["--trials", str(self._num_trials)] if self._num_trials else []
        with self.run.with_suffix(".output").open("ab") as output:
            return subprocess.Popen([*command, *limit], stdout=output, stderr=output)


def check(chaos: Chaos, folder: Path) -> None:
    """Compare with the undisturbed run.

    Raises:
        AssertionError: a trial is lost, doubled, incomplete or different.
    """
    records = load_records(chaos.run / "study.journal")
    expected = chaos.undisturbed(folder / "undisturbed").records
    assert [r.number for r in records] == list(range(len(expected))), "a trial is lost or doubled"
    incomplete = [r.number for r in records if r.state is not TrialState.COMPLETE]
    assert not incomplete, f"not complete: {incomplete}"
    assert len({r.architecture.id for r in records}) == len(records), "a network was trained twice"
    assert [_outcome(r) for r in records] == [_outcome(r) for r in expected], "results differ"
    assert _front(records) == _front(expected), "the front differs"
    with opened(chaos.url) as storage:
        mirrored = load_from_database(storage, "run")
    assert mirrored is not None
    assert list(mirrored.records) == records, "the database differs"


def _outcome(record: TrialRecord) -> tuple[object, ...]:
    return record.architecture.id, record.metrics["quality"], record.metrics["size"]


def _front(records: Any) -> list[tuple[str, tuple[float, ...]]]:
    front = Front()
    for record in records:
        losses = (-record.metrics["quality"], record.metrics["size"])
        front.add(record.architecture.id, losses)
    return front.members()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wreak_havoc(num_faults: int, seed: int, folder: Path) -> Chaos:
    """Run a search under faults to its end, and check it."""
    chance = random.Random(seed)
    chaos = Chaos(folder, chance=chance)
    began_s = time.monotonic()
    try:
        names = list(chaos.kinds)
        # Each kind comes up before any comes again.
        order = [n for _ in range(num_faults) for n in chance.sample(names, len(names))]
        for index, name in enumerate(order[:num_faults], start=1):
            chaos.await_progress(TRIALS_PER_FAULT)
            at_s = time.monotonic() - began_s
            done = chaos.num_done()
            print(f"{at_s:6.0f} s  fault {index:3}: {name} ({done} trials done)", flush=True)
            chaos.kinds[name]()
            chaos.faults[name] += 1
        chaos.finish()
        check(chaos, folder)
    finally:
        chaos.close()
    return chaos


def main() -> int:
    """Parse the command line; also the driver's entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--results", type=Path, default=None)
    for name in ("--drive", "--table"):
        parser.add_argument(name, type=Path, help=argparse.SUPPRESS)
    for name in ("--address", "--url"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    for name in ("--trials", "--max-file-bytes"):
        parser.add_argument(name, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.drive is not None:
        return drive(options)
    began_s = time.monotonic()
    print(f"seed {options.seed}; {describe_machine()}", flush=True)
    with tempfile.TemporaryDirectory(prefix="nas-chaos-") as folder:
        chaos = wreak_havoc(options.faults, options.seed, Path(folder))
    minutes = (time.monotonic() - began_s) / 60
    print(f"{options.faults} faults in {minutes:.1f} min: each trial complete exactly once, the")
    print("results, the front and the database equal those of an undisturbed run")
    if options.results is not None:
        rows = [{"fault": name, "times": times} for name, times in chaos.faults.items()]
        rows.append({"fault": "all", "times": options.faults})
        write_results(options.results, rows)
    return 0


def drive(options: argparse.Namespace) -> int:
    """Search as the driver process."""
    if options.max_file_bytes:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (options.max_file_bytes, hard))
    summary = search_table(
        options.drive, options.table, options.trials, address=options.address, url=options.url
    )
    return 130 if summary.is_interrupted else 0


if __name__ == "__main__":
    sys.exit(main())
