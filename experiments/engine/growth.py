"""Does a trial cost more when there are many already?

    python -m experiments.engine.growth

The driver's CPU time per trial around 100, 1,000 and 10,000 finished trials, in this process (the
workers' time is not the driver's), with everything on record; again with a straggler that runs
from the first trial on.
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.engine.parts import describe_machine, write_results
from experiments.engine.throughput import RESULTS, quiet, run_ours
from experiments.smoke import make_parser, run_experiment
from nas.execution.inline import InlineBackend
from nas.trial import TrialSpec

# Each point is the mean over the trials from so many finished ones on -> so many further.
POINTS = {100: 300, 1000: 500, 10_000: 500}


class WithStraggler(InlineBackend):
    """Two slots, one of which never comes back to the end of the search."""

    num_slots = 2

    def __init__(self, evaluator: Any) -> None:
        super().__init__(evaluator)
        self._straggler: TrialSpec | None = None

    def submit(self, spec: TrialSpec) -> None:
        """Keep the first trial for ever."""
        if self._straggler is None:
            self._straggler = spec
        else:
            super().submit(spec)

    @property
    def num_free(self) -> int:
        """One slot is taken by the straggler."""
        return 1 - len(self._waiting) if self._straggler is not None else 1

    def next_finished(self, *, timeout_s: float) -> Any:
        """Let the straggler go when nothing else is left."""
        if not self._waiting and self._straggler is not None:
            self._waiting.append(self._straggler)
        return super().next_finished(timeout_s=timeout_s)


def measure(folder: Path, points: Mapping[int, int]) -> list[dict[str, Any]]:
    """Return a row for each point and case."""
    edges = tuple(sorted({edge for p, width in points.items() for edge in (p, p + width)}))
    first = min(points)
    rows = []
    for case, backend in {"": InlineBackend, "with a straggler": WithStraggler}.items():
        name = case.replace(" ", "_") or "plain"
        clock = run_ours(max(edges) + 1, folder / name, make_backend=backend, marks=edges)
        marks = [mark[0] for mark in clock.marks]
        costs = {
            p: clock.between(marks.index(p), marks.index(p + width))[1]
            for p, width in points.items()
        }
        for point, cost in costs.items():
            rows.append(
                {
                    "case": case or "no straggler",
                    "finished_trials": point,
                    "driver_cpu_ms_per_trial": round(cost, 3),
                    f"times_the_cost_at_{first}": round(cost / costs[first], 2),
                }
            )
            print(rows[-1], flush=True)
    return rows


def main(words: Sequence[str]) -> int:
    """Parse the command line."""
    parser = make_parser(__doc__)
    parser.add_argument("--points", type=int, nargs="+", default=list(POINTS))
    parser.add_argument("--width", type=int, help="trials of each point; 300, then 500 without")
    parser.add_argument("--results", type=Path, default=RESULTS / "growth.csv")
    options = parser.parse_args(words)
    points = {point: options.width or POINTS.get(point, 500) for point in options.points}
    quiet()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), points)
    write_results(options.results, [{**row, "machine": describe_machine()} for row in rows])
    return 0


def small(folder: Path) -> Iterator[list[str]]:
    """Run some hundred trials."""
    yield ["--points", "20", "200", "--width", "100", "--results", str(folder / "growth.csv")]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
