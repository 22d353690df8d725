"""How long does it take to know what a candidate costs, without training it?

    python -m experiments.static_costs [COUNT]

For each shipped space, and some of them compressed: CPU milliseconds of architectures drawn at
random, each looked at once. Every other one is asked for parameters and bytes alone, the rest for
multiply-accumulates too.
"""

import csv
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from experiments.smoke import make_parser, run_experiment
from nas.architecture import Architecture
from nas.assemble.make import make_space
from nas.config.compose import compose_values
from nas.config.open_settings import with_settled
from nas.config.source import ConfigSource
from nas.errors import UnbuildableError
from nas.measure.cost import count_costs
from nas.space.space import SearchSpace
from nas.task import DataShape
from search_spaces.timm_family import TimmFamilySpace

RESULTS = Path(__file__).parent / "results" / "spaces.csv"
SMALL, LARGE = DataShape((3, 32, 32), 10), DataShape((3, 224, 224), 100)
SPACES: dict[str, tuple[tuple[str, ...], DataShape]] = {
    "mobilenet": ((), SMALL),
    "mobilenet_224": ((), LARGE),
    "resnet": ((), SMALL),
    "vit": ((), SMALL),
    "cell": ((), SMALL),
    "signals": ((), DataShape((1, 1, 40), 10)),
    "timm_family": ((), SMALL),
    "elastic": (("search_space.model=resnet18",), SMALL),
}
COMPRESSIONS: dict[str, dict[str, float]] = {
    "int8": {"weight_bits": 8},
    "low_rank": {"rank": 0.5},
    "pruning": {"kept": 0.5},
    "all": {"weight_bits": 8, "rank": 0.5, "kept": 0.5},
}
COMPRESSED = {
    "mobilenet": tuple(COMPRESSIONS),
    **dict.fromkeys(("resnet", "vit", "cell", "signals", "timm_family"), ("pruning",)),
}
COLUMNS = ("space", "count", "sizes_ms", "sizes_p90_ms", "all_ms", "all_p90_ms")
WIDTHS = (20, 5, 9, 12, 9, 12)
SIZES = ("num_params", "size_bytes")


def main(words: Sequence[str]) -> int:
    """Measure all spaces, and the default one with each compression."""
    parser = make_parser(__doc__)
    parser.add_argument("count", type=int, nargs="?", default=60)
    parser.add_argument("--only", nargs="+", help="rows: space, or 'space, compression'")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(words)
    rows: list[tuple[object, ...]] = [COLUMNS]
    cases = {name: (f"search_space={name}", *extra) for name, (extra, _) in SPACES.items()}
    for space, choice in ((s, choice) for s, choices in COMPRESSED.items() for choice in choices):
        values = [f"search_space.compression.{w}={v}" for w, v in COMPRESSIONS[choice].items()]
        what = (f"search_space={space}", f"search_space/compression={choice}")
        cases[f"{space}, {choice}"] = (*what, *values)
    show(COLUMNS)
    for name in options.only or cases:
        overrides = cases[name]
        data = SPACES[name.partition(",")[0]][1]
        settings = with_settled(compose_values(ConfigSource(overrides=overrides)).values)
        sizes, everything = measure(make_space(settings["search_space"]), data, options.count)
        spread = [1000 * np.quantile(s, q) for s in (sizes, everything) for q in (0.5, 0.9)]
        rows.append((name, len(sizes), *(round(float(t), 2) for t in spread)))
        show(rows[-1])
    options.results.parent.mkdir(exist_ok=True)
    with options.results.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return 0


def show(row: Sequence[object]) -> None:
    """Print a row of the table."""
    print("  ".join(str(cell).rjust(width) for cell, width in zip(row, WIDTHS, strict=True)))


def measure(space: SearchSpace, data: DataShape, count: int) -> tuple[list[float], list[float]]:
    """Return CPU seconds of `count` different architectures: for sizes alone, and for all costs.

    No architecture is asked for both, as what was found for one question helps with the other.
    """
    rng, seen = np.random.default_rng(0), set[Architecture]()
    times: tuple[list[float], list[float]] = ([], [])
    questions = (seconds_of_sizes, seconds_of_all)
    for _ in range(40 * count):
        drawn = space.sample(rng)
        turn = int(len(times[1]) < len(times[0]))
        if drawn in seen:
            continue
        seen.add(drawn)
        try:
            times[turn].append(questions[turn](space, drawn, data))
        except UnbuildableError:
            continue
        if len(times[1]) == count:
            break
    return times[0][1:], times[1][1:]  # the first call imports and warms up


def seconds_of_sizes(space: SearchSpace, architecture: Architecture, data: DataShape) -> float:
    """Return what parameters and bytes take: the closed form, or building on the meta device."""
    started = time.process_time()
    gives_all = isinstance(space, TimmFamilySpace)
    known = {} if gives_all else dict(space.static_costs(architecture, data) or {})
    if not set(SIZES) <= known.keys():
        count_costs(lambda: space.build(architecture, data), data, metrics=SIZES)
    return time.process_time() - started


def seconds_of_all(space: SearchSpace, architecture: Architecture, data: DataShape) -> float:
    """Return what a search takes: the closed form, and what it lacks counted."""
    started = time.process_time()
    known = dict(space.static_costs(architecture, data) or {})
    lacking = [name for name in (*SIZES, "num_macs") if name not in known]
    if lacking:
        count_costs(lambda: space.build(architecture, data), data, metrics=lacking)
    return time.process_time() - started


def small(folder: Path) -> Iterator[list[str]]:
    """Look at a few architectures of two spaces, one of them compressed."""
    rows = ["--only", "resnet", "cell", "mobilenet, all"]
    yield ["3", *rows, "--results", str(folder / "spaces.csv")]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
