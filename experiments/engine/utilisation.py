"""Are the slots busy? A thousand simulated slots on the real clock, with the real record.

    python -m experiments.engine.utilisation [--clock cpu]

A trial takes its time without taking a processor (a slot is a place in a heap), so one machine can
hold 1,000 of them; everything else is the product: sampler, loop, journal. A slot that waits for
the driver is idle. Utilisation is counted from the moment all slots were first busy to the moment
the last trial was handed out. Draws the timeline.

`--clock cpu` is for a machine with other work on it: the clock then shows the driver's own CPU
time, all threads of it, plus the time that it slept, as if it had a core to itself.
"""

import heapq
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.engine.parts import Silent, describe_machine, write_results
from experiments.engine.throughput import OBJECTIVES, RESULTS, SPACE, Null, nsga2, quiet
from experiments.smoke import make_parser, run_experiment
from nas.engine.loop import run_search
from nas.engine.stopping import Stopping
from nas.engine.task import SearchTask
from nas.record.run_folder import RunFolder
from nas.space.space import SearchSpace
from nas.trial import TrialResult, TrialSpec


@dataclass(frozen=True)
class Load:
    """A kind of trials.

    Attributes:
        name: for tables.
        num_slots: trials at once.
        num_trials: in all.
        draw_s: generator -> seconds of one trial.
    """

    name: str
    num_slots: int
    num_trials: int
    draw_s: Callable[[np.random.Generator], float]

    def shrunk(self, times: int) -> "Load":
        """Return the same kind with fewer slots and trials."""
        if times == 1:
            return self
        slots, trials = self.num_slots // times, self.num_trials // times
        return Load(f"{self.name}, shrunk {times} times", slots, trials, self.draw_s)


def log_normal(rng: np.random.Generator) -> float:
    """Return seconds with a mean of 5 and a spread (sigma of the logarithm) of 0.5."""
    return float(rng.lognormal(math.log(5.0) - 0.5**2 / 2, 0.5))


def uniform(rng: np.random.Generator) -> float:
    """Return seconds from 0.5 to 5."""
    return float(rng.uniform(0.5, 5.0))


LOADS = (
    Load("1000 slots, 5 s log-normal", 1000, 8000, log_normal),
    Load("64 slots, 0.5 to 5 s", 64, 1200, uniform),
)


class WallClock:
    """The real clock."""

    def now_s(self) -> float:
        """Return the time."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class CpuClock(WallClock):
    """A clock that stands still while other processes have the core."""

    def __init__(self) -> None:
        self._slept_s = 0.0

    def now_s(self) -> float:
        """Return this process's CPU time and what it slept."""
        return time.process_time() + self._slept_s

    def sleep(self, seconds: float) -> None:
        """Skip the time; the thread that writes the record gets its turn."""
        time.sleep(0.0005)
        self._slept_s += seconds


CLOCKS: dict[str, type[WallClock]] = {"wall": WallClock, "cpu": CpuClock}


class TimedSlots:
    """A backend whose slots are busy for a drawn time."""

    is_concurrent = True

    def __init__(self, evaluator: Any, load: Load, clock: WallClock) -> None:
        self._clock = clock
        self.num_slots = load.num_slots
        self.spans: list[tuple[float, float]] = []
        self._evaluator = evaluator
        self._draw_s = load.draw_s
        self._rng = np.random.default_rng(0)
        self._running: list[tuple[float, int, TrialResult]] = []

    @property
    def num_free(self) -> int:
        """How many slots are free now; one whose trial is over waits for the driver."""
        return self.num_slots - len(self._running)

    def submit(self, spec: TrialSpec) -> None:
        """Start a trial."""
        now_s = self._clock.now_s()
        end_s = now_s + self._draw_s(self._rng)
        self.spans.append((now_s, end_s))
        heapq.heappush(self._running, (end_s, spec.number, self._evaluator.evaluate(spec)))

    def next_finished(self, *, timeout_s: float) -> Sequence[TrialResult]:
        """Sleep until a trial is over, and return all that are."""
        if not self._running:
            return []
        self._clock.sleep(max(0.0, min(timeout_s, self._running[0][0] - self._clock.now_s())))
        results = []
        while self._running and self._running[0][0] <= self._clock.now_s():
            results.append(heapq.heappop(self._running)[2])
        return results

    def close(self) -> None:
        """Forget what runs."""


def busy_over_time(spans: Sequence[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the times at which the number of busy slots changes (n,), and that number (n,)."""
    starts, ends = np.array(spans).T
    times = np.concatenate([starts, ends])
    changes = np.concatenate([np.ones(len(starts)), -np.ones(len(ends))])
    order = np.argsort(times, kind="stable")
    return times[order] - starts.min(), np.cumsum(changes[order])


def utilisation(spans: Sequence[tuple[float, float]], num_slots: int) -> float:
    """Return the busy share between the ramp-up and the draining."""
    times, busy = busy_over_time(spans)
    first_full = times[np.argmax(busy >= 0.99 * num_slots)]
    last_start = max(start for start, _ in spans) - min(start for start, _ in spans)
    inside = (times >= first_full) & (times <= last_start)
    widths = np.diff(times[inside])
    return float((busy[inside][:-1] * widths).sum() / widths.sum() / num_slots)


def make_frontier(seed: int) -> Any:
    """Return the size-aware sampler."""
    from nas.assemble.facts import facts_of
    from nas.frontier.sampler import FrontierSampler

    space = SearchSpace(SPACE)
    facts = facts_of(Null(), space=space, objectives=OBJECTIVES)
    return FrontierSampler(space=space, facts=facts, objectives=OBJECTIVES, seed=seed)


SAMPLERS: dict[str, Callable[[int], Any]] = {"nsga2": nsga2, "frontier": make_frontier}


def measure(
    load: Load, sampler: str, folder: Path, *, clock: str = "wall"
) -> tuple[dict[str, Any], TimedSlots]:
    """Run one search."""
    backends: list[TimedSlots] = []

    def make_backend(evaluator: Any) -> TimedSlots:
        backends.append(TimedSlots(evaluator, load, CLOCKS[clock]()))
        return backends[0]

    task = SearchTask(
        SearchSpace(SPACE),
        Null(),
        OBJECTIVES,
        SAMPLERS[sampler],
        stopping=Stopping(load.num_trials),
    )
    folder.mkdir(parents=True)
    cpu_s = time.process_time()
    summary = run_search(
        task,
        run_folder=RunFolder(folder),
        make_backend=make_backend,
        view=Silent(),
        publish=lambda _: None,
    )
    cpu_s = time.process_time() - cpu_s
    share = utilisation(backends[0].spans, load.num_slots)
    row = {
        "load": load.name,
        "sampler": sampler,
        "clock": clock,
        "trials": len(summary.records),
        "utilisation": round(share, 4),
        "seconds": round(summary.elapsed_s, 1),
        "driver_cpu_ms_per_trial": round(1000 * cpu_s / load.num_trials, 2),
    }
    print(row, flush=True)
    return row, backends[0]


def draw(runs: Sequence[tuple[dict[str, Any], TimedSlots]], path: Path) -> None:
    """Draw how many slots were busy over time."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(runs), 1, figsize=(8, 2.2 * len(runs)), layout="constrained")
    for axis, (row, slots) in zip(np.atleast_1d(axes), runs, strict=True):
        times, busy = busy_over_time(slots.spans)
        axis.fill_between(times, busy, step="post", color="#4878a8", linewidth=0)
        axis.axhline(slots.num_slots, color="black", linewidth=0.6)
        axis.set(title=f"{row['load']}, {row['sampler']}: {row['utilisation']:.1%} busy")
        axis.set(xlabel="seconds", ylabel="busy slots", xlim=(0, times[-1]))
    figure.savefig(path, dpi=110)
    print(f"wrote {path}")


def main(words: Sequence[str]) -> int:
    """Parse the command line."""
    parser = make_parser(__doc__)
    parser.add_argument("--samplers", nargs="+", default=list(SAMPLERS), choices=list(SAMPLERS))
    parser.add_argument("--results", type=Path, default=RESULTS / "utilisation.csv")
    parser.add_argument("--clock", default="wall", choices=list(CLOCKS))
    parser.add_argument("--shrink", type=int, default=1, help="a so many-th of slots and trials")
    options = parser.parse_args(words)
    loads = [load.shrunk(options.shrink) for load in LOADS]
    quiet()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            measure(
                load, sampler, Path(folder) / f"{load.num_slots}-{sampler}", clock=options.clock
            )
            for load in loads
            for sampler in options.samplers
        ]
    write_results(options.results, [{**row, "machine": describe_machine()} for row, _ in runs])
    draw(runs, options.results.with_suffix(".png"))
    return 0


def small(folder: Path) -> Iterator[list[str]]:
    """Keep 16 slots and one busy, on a clock that does not wait."""
    yield ["--shrink", "60", "--clock", "cpu", "--results", str(folder / "utilisation.csv")]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
