"""How long do a sampler's asks take, by size and by a device?

    python -m experiments.devices.asks [--spaces mobilenet resnet vit cell signals]

The CPU time of what the first ask describes (the pool) and of what later asks describe
(neighbours of its networks), as `frontier` does; no model is fitted to results here. `divisor` is
by how much `frontier` reduces the number of candidates since describing one takes long.
"""

import csv
import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from experiments.devices.tables import pretended_table
from experiments.smoke import make_parser, run_experiment
from nas.architecture import Architecture
from nas.assemble.facts import facts_from_costs
from nas.assemble.make import make_space
from nas.config.compose import compose_values
from nas.config.open_settings import with_settled
from nas.config.source import ConfigSource
from nas.device.device import KnownDevice
from nas.device.latency_model import fit_latency_model
from nas.errors import UnbuildableError
from nas.evaluation.known import KnownBefore
from nas.frontier.candidates import CandidatePool
from nas.frontier.effort import Effort, effort_divisor
from nas.objective import objective_for
from nas.space.facts import Facts
from nas.space.space import SearchSpace
from nas.task import DataShape

RESULTS = Path(__file__).parent / "results" / "asks.csv"
SPACES = ("mobilenet", "resnet", "vit", "cell", "signals")
METRICS = ("size_bytes", "latency_ms@invented", "ram_bytes")
COLUMNS = ("space", "metric", "divisor", "first_s", "pool", "ask_s", "candidates")
_IMAGES, _SIGNALS = DataShape((3, 32, 32), 10), DataShape((3, 1, 128), 4)
_FRONTIER = Effort(num_candidates=500, pool_size=1024, num_rounds=25, max_enumerated=40_000)
_NUM_ASKS = 7


def main(words: Sequence[str]) -> int:
    """Time the asks."""
    parser = make_parser(__doc__)
    parser.add_argument("--spaces", nargs="+", default=SPACES)
    parser.add_argument("--metrics", nargs="+", default=METRICS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(words)
    rows: list[tuple[object, ...]] = [COLUMNS]
    for name in options.spaces:
        for metric in options.metrics:
            rows.append((name, metric, *_asked(name, metric)))
            print("  ".join(str(cell).rjust(12) for cell in rows[-1]), flush=True)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    with options.results.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return 0


def _asked(name: str, metric: str) -> tuple[object, ...]:
    values = compose_values(ConfigSource(overrides=(f"search_space={name}",))).values
    space: SearchSpace = make_space(with_settled(values)["search_space"])
    shape = _SIGNALS if name == "signals" else _IMAGES
    metrics = list(dict.fromkeys(("size_bytes", metric)))
    known = KnownBefore(space, shape, metrics=metrics, devices={"invented": _invented()})
    objectives = [objective_for(metric)]

    def facts(architecture: Architecture) -> Facts | None:
        try:
            costs = {**known.costs(architecture), **known.widths(architecture)}
        except UnbuildableError:
            return None
        identity = space.identity(architecture)
        return facts_from_costs(costs, identity=identity, static=objectives)

    begin_s = time.process_time()
    known.meet_parts()
    divisor = effort_divisor(space, facts, seed=0)
    effort = _FRONTIER.reduced(divisor)
    pool = CandidatePool(space, facts, is_allowed=None, seed=0, effort=effort)
    first_s = time.process_time() - begin_s
    rng = np.random.default_rng(0)
    seconds = []
    for _ in range(_NUM_ASKS):
        begin_s = time.process_time()
        parents = pool.pool.rows[rng.integers(len(pool.pool), size=20)]
        pool.near(parents, count=effort.num_candidates, max_changes=3, rng=rng)
        seconds.append(time.process_time() - begin_s)
    ask_s = float(np.median(seconds))
    sizes = (len(pool.pool), round(ask_s, 3), effort.num_candidates)
    return divisor, round(first_s, 2), *sizes


@cache
def _invented() -> KnownDevice:
    table = pretended_table(12)
    counts = [total.counts for total in table.totals]
    model = fit_latency_model(counts, list(table.times["invented"]))
    return KnownDevice("invented", {"latency_ms": model}, {})


def small(folder: Path) -> Iterator[list[str]]:
    """One space by one metric."""
    yield [
        *("--spaces", "vit", "--metrics", "ram_bytes"),
        *("--results", str(folder / "asks.csv")),
    ]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
