"""How long does it take to know what a candidate costs, without training it?

    python -m experiments.static_costs [COUNT]      prints a table, writes results/spaces.csv

For each shipped space: CPU milliseconds of architectures drawn at random, each for the first time,
for parameters and bytes alone and for multiply-accumulates too.
"""

import csv
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nas.architecture import Architecture
from nas.config.compose import Source, compose_values
from nas.config.make import make_space
from nas.errors import UnbuildableError
from nas.measure.cost import count_costs
from nas.space.space import SearchSpace
from nas.task import DataShape
from search_spaces.timm_family import TimmFamilySpace

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
COLUMNS = ("space", "count", "sizes_ms", "sizes_p90_ms", "all_ms", "all_p90_ms")
WIDTHS = (20, 5, 9, 12, 9, 12)
SIZES = ("num_params", "size_bytes")


def main(words: Sequence[str]) -> int:
    """Measure all spaces, and the default one with each compression."""
    count = int(words[0]) if words else 60
    rows: list[tuple[object, ...]] = [COLUMNS]
    cases = {name: (f"search_space={name}", *extra) for name, (extra, _) in SPACES.items()}
    for choice, values in COMPRESSIONS.items():
        fixed = [f"search_space.compression.{word}={value}" for word, value in values.items()]
        cases[f"mobilenet, {choice}"] = (f"search_space/compression={choice}", *fixed)
    show(COLUMNS)
    for name, overrides in cases.items():
        data = SPACES[name.partition(",")[0]][1]
        node = compose_values(Source(overrides=overrides)).values["search_space"]
        # One for each question: nothing is remembered from the other.
        times = 1000 * np.array(measure(make_space(node), make_space(node), data, count))
        middle, most = np.median(times, axis=0), np.quantile(times, 0.9, axis=0)
        spread = (middle[0], most[0], middle[1], most[1])
        rows.append((name, len(times), *(round(float(t), 2) for t in spread)))
        show(rows[-1])
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    with (folder / "spaces.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return 0


def show(row: Sequence[object]) -> None:
    """Print a row of the table."""
    print("  ".join(str(cell).rjust(width) for cell, width in zip(row, WIDTHS, strict=True)))


def measure(
    space: SearchSpace, twin: SearchSpace, data: DataShape, count: int
) -> list[tuple[float, float]]:
    """Return the CPU seconds of `count` different architectures: sizes alone, then all costs.

    Where a space gives all costs at once, sizes alone are those of building the network.
    """
    rng = np.random.default_rng(0)
    found: dict[Architecture, tuple[float, float]] = {}
    for _ in range(20 * count):
        drawn = space.sample(rng)
        if drawn in found:
            continue
        try:
            found[drawn] = (
                seconds_of_sizes(space, drawn, data),
                seconds_of_all(twin, drawn, data),
            )
        except UnbuildableError:
            continue
        if len(found) == count:
            break
    return list(found.values())[1:]  # the first call imports and warms up


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
