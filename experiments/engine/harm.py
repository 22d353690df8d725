"""A cluster on this machine, a search on it, and ways to harm both.

Each method of `Harm.kinds` is one fault. What it breaks is put right at once or by the search
itself; a driver that ended is started again by `await_progress`.
"""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster

from experiments.engine.mischief import Mischief, plan_mischief, planned_mischief
from experiments.engine.parts import write_table
from nas.study.journal import load_records

# What the search does after the last fault.
NUM_LAST = 40
# A trial that shall go wrong is so far ahead that it has not begun.
NUM_AHEAD = 20
MAX_NODES = 3
PATIENCE_S = 240.0
STOP_S = (1.0, 15.0)


class Harm:
    """A search that is harmed.

    Args:
        folder: empty.
        chance: picks victims and places.
    """

    def __init__(self, folder: Path, *, chance: random.Random) -> None:
        self.run = folder / "run"
        self.url = f"sqlite:///{folder}/studies.db"
        self.plan = folder / "mischief"
        self.table = write_table(folder / "table.parquet")
        self.num_trials: int | None = None
        self._chance = chance
        self._start_cluster()
        self._driver = self._start_driver()

    @property
    def kinds(self) -> dict[str, Callable[[], None]]:
        """Name -> fault."""
        return {
            "worker killed": self.kill_worker,
            "node removed": self.remove_node,
            "node lost": self.lose_node,
            "node added": self.add_node,
            "head and run folder lost": self.lose_head,
            "driver killed": self.kill_driver,
            "Ctrl-C": partial(self.interrupt, signal.SIGINT),
            "SIGTERM": partial(self.interrupt, signal.SIGTERM),
            "SIGHUP": partial(self.interrupt, signal.SIGHUP),
            "SIGSTOP and SIGCONT": self.stop_for_a_while,
            "record torn": self.tear_record,
            "disk full": self.fill_disk,
            "database locked": self.lock_database,
            **{mischief.value: partial(self.do_mischief, mischief) for mischief in Mischief},
        }

    def num_done(self) -> int:
        """Return how many trials have ended on record, roughly."""
        return self._journal().count(b'"datetime_complete":')

    def await_progress(self, num_trials: int) -> None:
        """Wait until so many more trials are done; a driver that ended is started again."""
        target = self.num_done() + num_trials
        self._await(lambda: self.num_done() >= target)

    def finish(self) -> None:
        """Let the search come to an end in peace."""
        self._end_driver()
        self.num_trials = len(load_records(self.run / "study.journal")) + NUM_LAST
        self._driver = self._start_driver()
        status = self._driver.wait(timeout=PATIENCE_S)
        assert status == 0, self.run.with_suffix(".output").read_text()[-3000:]

    def close(self) -> None:
        """End everything."""
        if self._driver.poll() is None:
            self._end_driver()
        self._cluster.shutdown()

    def kill_worker(self) -> None:
        """Kill a process that evaluates a trial."""
        lines = self.run.with_suffix(".started").read_text().splitlines()[-8:]
        living = [pid for pid in {int(line.split()[2]) for line in lines} if _lives(pid)]
        if living:
            os.kill(self._chance.choice(living), signal.SIGKILL)

    def remove_node(self) -> None:
        """Take a node out of the cluster in order, and put another in when there is but one."""
        self._drop_node(is_graceful=True)

    def lose_node(self) -> None:
        """Kill a node's raylet, as if its power went."""
        self._drop_node(is_graceful=False)

    def add_node(self) -> None:
        """Add a node, up to a few."""
        if len(self._nodes) < MAX_NODES:
            self._nodes.append(self._add_node())

    def lose_head(self) -> None:
        """Lose the head node, its driver and its disk; go on elsewhere from the database alone."""
        self._end_driver()
        self._cluster.remove_node(self._cluster.head_node, allow_graceful=False)
        self._cluster.shutdown()
        shutil.rmtree(self.run)
        self._start_cluster()
        begun = self._num_begun()
        self._driver = self._start_driver()
        self._await(lambda: self._num_begun() > begun)  # the record is back by then

    def kill_driver(self) -> None:
        """Kill the search, and resume it."""
        self._end_driver()
        self._driver = self._start_driver()

    def interrupt(self, number: signal.Signals) -> None:
        """Ask the search to end, and resume it."""
        self._driver.send_signal(number)
        self._driver.wait(timeout=PATIENCE_S)
        self._driver = self._start_driver()

    def stop_for_a_while(self) -> None:
        """Stop the search for longer than a trial may take, and let it go on."""
        self._driver.send_signal(signal.SIGSTOP)
        time.sleep(self._chance.uniform(*STOP_S))
        self._driver.send_signal(signal.SIGCONT)

    def tear_record(self) -> None:
        """Kill the search and cut the end of its record, as a crash of the machine would."""
        self._end_driver()
        whole = self._journal()
        # What is torn is not older than the last line: the rest was on disk, and acknowledged.
        last = len(whole.rstrip(b"\n").rpartition(b"\n")[2])
        os.truncate(self.run / "study.journal", len(whole) - self._chance.randint(1, last))
        self._driver = self._start_driver()

    def fill_disk(self) -> None:
        """Let the search run into a limit of its files' size, then resume it without."""
        self._end_driver()
        size = len(self._journal())
        self._driver = self._start_driver(max_file_bytes=max(size, 1 << 17) + 4000)

    def lock_database(self) -> None:
        """Keep the database busy for some seconds."""
        with sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=30) as connection:
            connection.execute("begin exclusive")
            time.sleep(self._chance.uniform(0.5, 3.0))

    def do_mischief(self, mischief: Mischief) -> None:
        """Let a trial that is to come go wrong."""
        number = self._journal().count(b'"datetime_start":') + NUM_AHEAD
        planned = planned_mischief(self.plan)
        while number in planned:
            number += 1
        plan_mischief(self.plan, number, mischief)

    def _await(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"no progress within {PATIENCE_S} s"
            if self._driver.poll() is not None:
                self._driver = self._start_driver()
            time.sleep(0.05)

    def _num_begun(self) -> int:
        return self.run.with_suffix(".started").read_bytes().count(b"\n")

    def _journal(self) -> bytes:
        journal = self.run / "study.journal"
        return journal.read_bytes() if journal.exists() else b""

    def _start_cluster(self) -> None:
        self._cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
        self._nodes = [self._add_node() for _ in range(2)]

    def _drop_node(self, *, is_graceful: bool) -> None:
        node = self._nodes.pop(self._chance.randrange(len(self._nodes)))
        self._cluster.remove_node(node, allow_graceful=is_graceful)
        while len(self._nodes) < 2:
            self._nodes.append(self._add_node())

    def _add_node(self) -> Any:
        return self._cluster.add_node(num_cpus=1)

    def _end_driver(self) -> None:
        self._driver.kill()
        self._driver.wait()

    def _start_driver(self, *, max_file_bytes: int | None = None) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "experiments.engine.chaos", "--drive", str(self.run)]
        command += ["--address", self._cluster.address, "--table", str(self.table)]
        command += ["--url", self.url, "--plan", str(self.plan)]
        limit = ["--max-file-bytes", str(max_file_bytes)] if max_file_bytes else []
        limit += ["--trials", str(self.num_trials)] if self.num_trials else []
        with self.run.with_suffix(".output").open("ab") as output:
            return subprocess.Popen([*command, *limit], stdout=output, stderr=output)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
