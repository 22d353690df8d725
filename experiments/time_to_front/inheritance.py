"""What is a short training worth that starts from another network's weights?

python -m experiments.time_to_front.inheritance    about two CPU minutes

Some networks of a space are trained; others, most of them changes of those, are then trained from
scratch in full, from scratch for a share of that, three times as long, and for the share from the
weights of the network with the nearest parameters, at several learning rates.
"""

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor

from experiments.smoke import make_parser, run_experiment
from experiments.time_to_front.real.summary import given_size
from nas.architecture import Architecture
from nas.data.signals import load_signals
from nas.evaluation.known import KnownBefore
from nas.evaluation.placement import move_to_device
from nas.record.rows import write_rows
from nas.space.distance import distance
from nas.train.correspondence import likeness
from nas.train.inheritance import inherit
from nas.train.loop import Training
from nas.train.recipe import Recipe
from search_spaces.signals import SignalSpace

RESULTS = Path(__file__).resolve().parent / "results"
SHARE, LONGER = 0.25, 3
RATES = (1.0, 0.5, 0.25)
_MOST_MACS = 3e5


@dataclass(frozen=True)
class PairRow:
    """One training of one network.

    Attributes:
        network: its number.
        way: how it was trained.
        accuracy: on validation signals.
        loss: likewise.
        cpu_s: of the training.
        size_bytes: of the network.
        likeness: of the network and the one that it started from; NaN where it began at random.
    """

    network: int
    way: str
    accuracy: float
    loss: float
    cpu_s: float
    size_bytes: int
    likeness: float


class Bench:
    """Trains networks of the space `signals`.

    Args:
        epochs: of a whole training.
        num_train: signals to learn from.
    """

    def __init__(self, *, epochs: int, num_train: int) -> None:
        data = load_signals(num_train=num_train).search_data()
        self.space, self._shape = SignalSpace(), data.shape
        metrics = ("num_macs", "size_bytes")
        self._known = KnownBefore(self.space, self._shape, metrics=metrics)
        self._data = move_to_device(data, torch.device("cpu"))
        self._recipe = Recipe(epochs=epochs, batch_size=64, device="cpu")

    def train(
        self,
        network: int,
        way: str,
        architecture: Architecture,
        *,
        seed: int,
        share: float = 1.0,
        rate: float = 1.0,
        start: Mapping[str, Tensor] | None = None,
    ) -> tuple[PairRow, dict[str, Tensor]]:
        """Return a row, and the trained weights."""
        began_s = time.process_time()
        torch.manual_seed(seed)
        model = self.space.build(architecture, self._shape)
        alike = float("nan")
        if start is not None:
            alike = likeness(_shapes(model.state_dict()), _shapes(start))
            inherit(model, start)
        recipe = replace(self._recipe, learning_rate=rate * self._recipe.learning_rate)
        if share > 1:
            recipe, share = replace(recipe, epochs=int(share * recipe.epochs)), 1.0
        training = Training(model, self._data, recipe, seed=seed, share=share)
        training.run()
        score, state = training.score(), model.state_dict()
        size = int(self._known.costs(architecture)["size_bytes"])
        spent_s = round(time.process_time() - began_s, 3)
        row = PairRow(network, way, score.accuracy, score.loss, spent_s, size, alike)
        return row, {name: tensor.clone() for name, tensor in state.items()}

    def draw(self, rng: np.random.Generator, pool: Sequence[Architecture] = ()) -> Architecture:
        """Return a small enough network: any, or some changes of one of a pool."""
        while True:
            drawn = self.space.sample(rng) if not pool else pool[int(rng.integers(len(pool)))]
            for _ in range(int(rng.integers(1, 6)) if pool else 0):
                drawn = self.space.mutate(drawn, rng)
            if self._known.costs(drawn)["num_macs"] <= _MOST_MACS:
                return drawn


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def rows_of(bench: Bench, *, num_pool: int, num_networks: int) -> Iterator[PairRow]:
    """Train all, and yield a row for each training of those that come after the pool."""
    rng = np.random.default_rng(0)
    pool: dict[Architecture, dict[str, Tensor]] = {}
    while len(pool) < num_pool:
        drawn = bench.draw(rng)
        pool[drawn] = bench.train(-1, "pool", drawn, seed=1000 + len(pool))[1]
    known = list(pool)
    networks: list[Architecture] = []
    while len(networks) < num_networks:
        drawn = bench.draw(rng, () if len(networks) % 4 == 3 else known)
        if drawn not in networks and drawn not in pool:
            networks.append(drawn)
    for number, one in enumerate(networks):
        seed, parameters = 10 * number, bench.space.parameters
        nearest = min(known, key=lambda other, o=one: distance(o, other, parameters))  # type: ignore[misc]
        yield bench.train(number, "whole", one, seed=seed)[0]
        yield bench.train(number, "whole, other seed", one, seed=seed + 1)[0]
        yield bench.train(number, "short", one, seed=seed, share=SHARE)[0]
        for rate in RATES:
            way, start = f"inherited, rate {rate:g}", pool[nearest]
            settings = {"share": SHARE, "rate": rate}
            yield bench.train(number, way, one, seed=seed, start=start, **settings)[0]
        yield bench.train(number, "long", one, seed=seed + 2, share=LONGER)[0]


def table(rows: Sequence[PairRow]) -> list[str]:
    """Return the lines of a table: accuracy, CPU seconds, and rank correlation with `long`."""
    by_way: dict[str, dict[int, PairRow]] = defaultdict(dict)
    for row in rows:
        by_way[row.way][row.network] = row
    numbers = sorted(by_way["long"])
    sizes = np.log([by_way["long"][n].size_bytes for n in numbers])
    lines = ["| way | accuracy | CPU s | rank correlation | given size |", "|---|---|---|---|---|"]
    truth = np.array([by_way["long"][n].accuracy for n in numbers])
    for way, found in by_way.items():
        ours = np.array([found[n].accuracy for n in numbers])
        spent_s = sum(found[n].cpu_s for n in numbers)
        plain = spearmanr(ours, truth).statistic
        given = spearmanr(given_size(sizes, ours), given_size(sizes, truth)).statistic
        lines.append(f"| {way} | {ours.mean():.3f} | {spent_s:.1f} | {plain:.2f} | {given:.2f} |")
    return lines


def main(words: Sequence[str]) -> int:
    """Train, write the rows, and print the table."""
    options = parse(words)
    bench = Bench(epochs=options.epochs, num_train=options.signals)
    rows = list(rows_of(bench, num_pool=options.pool, num_networks=options.networks))
    write_rows(options.results / "inheritance.csv", rows, kind=PairRow)
    print(*table(rows), sep="\n")
    return 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    parser.add_argument("--pool", type=int, default=8, help="networks to start from")
    parser.add_argument("--networks", type=int, default=16, help="that start from them")
    parser.add_argument("--epochs", type=int, default=8, help="of a whole training")
    parser.add_argument("--signals", type=int, default=2000, help="to learn from")
    parser.add_argument("--results", type=Path, default=RESULTS, help="a folder")
    return parser.parse_args(words)


def small(folder: Path) -> Iterator[list[str]]:
    """Train two networks of two."""
    few = ["--pool", "2", "--networks", "2", "--epochs", "4", "--signals", "128"]
    yield [*few, "--results", str(folder)]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
