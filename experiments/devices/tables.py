"""The measured latencies, and the operators of the networks that were measured.

`../shared/data/device_latency`: 27 devices each (Lee et al. 2021, *HELP*). Times below 0.1 ms are
faults of two of the tables and left out. The operators of a network are found once and kept in a
file beside the system's temporary files.
"""

import os
import pickle
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir

import numpy as np
import pyarrow.parquet
from numpy.typing import NDArray

from experiments.devices.networks import (
    CELL_EDGES,
    CELL_OPTIONS,
    CELLS_A_STAGE,
    CHAIN_BLOCKS,
    CHAIN_OPTIONS,
    DATA,
    cell_network,
    chain_network,
)
from nas.device.operators import Operator
from nas.device.similarity import FloatArray
from nas.device.trace import operators_of

FOLDER = Path(
    os.environ.get("NAS_BENCHMARKS", Path(__file__).resolve().parents[3] / "shared/data")
)
LEAST_MS = 0.1  # what is below is no time of a network of 20 convolutions


@dataclass(frozen=True)
class Totals:
    """What a network consists of."""

    counts: Mapping[Operator, int]
    num_macs: int
    num_params: int

    def plus(self, other: "Totals", times: int = 1) -> "Totals":
        """Return the sum with a multiple of another one; multiples may be negative."""
        counts = Counter(self.counts)
        for operator, count in other.counts.items():
            counts[operator] += times * count
        kept = {operator: count for operator, count in counts.items() if count}
        return Totals(
            kept,
            self.num_macs + times * other.num_macs,
            self.num_params + times * other.num_params,
        )


@dataclass(frozen=True)
class LatencyTable:
    """Networks and their times on devices.

    Attributes:
        name: of the table.
        codes: (N, columns) the option taken at each place, as its index.
        num_options: of each place.
        totals: (N,) what each network consists of.
        times: device -> (N,) ms.
        numbers: what else the table says of each: accuracies.
    """

    name: str
    codes: NDArray[np.int64]
    num_options: int
    totals: Sequence[Totals]
    times: Mapping[str, FloatArray]
    numbers: Mapping[str, FloatArray] = field(default_factory=dict)

    @property
    def one_hot(self) -> FloatArray:
        """(N, columns * options) as the random forest sees a network."""
        hot = self.codes[:, :, None] == np.arange(self.num_options)
        return np.asarray(hot.reshape(len(self.codes), -1), dtype=float)

    def is_whole_ms(self, device: str) -> bool:
        """Whether a device's times are whole milliseconds."""
        return bool((self.times[device] % 1 == 0).all())


def read_table(name: str, *, num_networks: int, seed: int = 1) -> LatencyTable:
    """Return some networks of a table, drawn at random.

    Raises:
        FileNotFoundError: the data are not on this machine; set NAS_BENCHMARKS to their folder.
    """
    columns = pyarrow.parquet.read_table(FOLDER / "device_latency" / f"{name}.parquet").to_pydict()
    places, options, totals_of = _KINDS[name]
    number = len(columns[places[0]])
    drawn = np.random.default_rng(seed).permutation(number)[:num_networks]
    words = [[columns[place][row] for place in places] for row in drawn]
    return LatencyTable(
        name,
        np.array([[options.index(word) for word in row] for row in words]),
        len(options),
        _kept(name, words, totals_of),
        {
            key.removeprefix("ms_"): np.array(values, dtype=float)[drawn]
            for key, values in columns.items()
            if key.startswith("ms_")
        },
        {
            key: np.array(columns[key], dtype=float)[drawn]
            for key in ("quality",)
            if key in columns
        },
    )


def pretended_table(num_networks: int, seed: int = 0) -> LatencyTable:
    """Return chains with times of an invented device, for where the data are not at hand."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(len(CHAIN_OPTIONS), size=(num_networks, len(CHAIN_BLOCKS)))
    totals = chain_totals([[CHAIN_OPTIONS[code] for code in row] for row in codes])
    times = [
        sum(n * (0.01 + o.num_macs / 1e6 + o.num_out / 1e5) for o, n in t.counts.items())
        for t in totals
    ]
    noisy = np.array(times) * np.exp(0.02 * rng.normal(size=num_networks))
    return LatencyTable("pretended", codes, len(CHAIN_OPTIONS), totals, {"invented": noisy})


def chain_totals(words: Sequence[Sequence[str]]) -> list[Totals]:
    """Return what FBNet chains consist of; each block's share is found once."""
    bare = ["skip"] * len(CHAIN_BLOCKS)
    start = _traced(lambda: chain_network(bare))
    known: dict[tuple[int, str], Totals] = {}
    found = []
    for row in words:
        total = start
        for place, option in enumerate(row):
            if option == "skip":
                continue
            if (place, option) not in known:
                one = [*bare[:place], option, *bare[place + 1 :]]
                share = _traced(lambda one=one: chain_network(one)).plus(start, -1)  # type: ignore[misc]
                known[place, option] = share
            total = total.plus(known[place, option])
        found.append(total)
    return found


def cell_totals(words: Sequence[Sequence[str]]) -> list[Totals]:
    """Return what NAS-Bench-201 cells make: each further cell of a stage adds the same."""
    found = []
    for row in words:
        options = dict(zip(CELL_EDGES, row, strict=True))
        one, two = (
            _traced(lambda o=options, n=n: cell_network(o, cells_a_stage=n))  # type: ignore[misc]
            for n in (1, 2)
        )
        found.append(one.plus(two.plus(one, -1), CELLS_A_STAGE - 1))
    return found


def _traced(build: Callable[[], object]) -> Totals:
    graph = operators_of(build, DATA)  # type: ignore[arg-type]
    return Totals(graph.counts, graph.num_macs, graph.num_params)


def _kept(
    name: str,
    words: Sequence[Sequence[str]],
    totals_of: Callable[[Sequence[Sequence[str]]], list[Totals]],
) -> list[Totals]:
    path = Path(gettempdir()) / f"nas-{name}-operators-{os.getuid()}.pickle"
    known: dict[tuple[str, ...], Totals] = {}
    if path.is_file():
        known = pickle.loads(path.read_bytes())
    lacking = [row for row in words if tuple(row) not in known]
    known |= dict(zip(map(tuple, lacking), totals_of(lacking), strict=True))
    if lacking:
        path.write_bytes(pickle.dumps(known))
    return [known[tuple(row)] for row in words]


_KINDS: Mapping[
    str,
    tuple[Sequence[str], Sequence[str], Callable[[Sequence[Sequence[str]]], list[Totals]]],
] = {
    "nas_bench_201": (CELL_EDGES, CELL_OPTIONS, cell_totals),
    "fbnet": (CHAIN_BLOCKS, CHAIN_OPTIONS, chain_totals),
}
