"""What does a supernet tell of its networks, and what does it cost?

python -m experiments.time_to_front.supernet mobilenet cifar16.npz    about ten CPU minutes
python -m experiments.time_to_front.supernet vit digits

Networks of a space are drawn, trained whole from two seeds and for a quarter from scratch, and
judged as slices of a supernet, without training and after a part of it; and after a quarter from
the weights of the most similar other one, as `training.inherit` does. Rows are added to
results/supernet.csv, one for each training; that of the supernet itself is network -1.
"""

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from experiments.smoke import make_parser, run_experiment
from experiments.time_to_front.real.summary import given_size
from nas.architecture import Architecture
from nas.data.digits import load_digits
from nas.data.npz import load_npz
from nas.evaluation.placement import move_to_device
from nas.evaluation.supernet import RATE
from nas.evaluation.supernet_family import supernet_of
from nas.measure.cost import input_size
from nas.record.rows import read_rows, write_rows
from nas.space.space import SearchSpace
from nas.train.batches import TrialData
from nas.train.calibration import recalibrate_norms
from nas.train.correspondence import likeness
from nas.train.inheritance import inherit
from nas.train.loop import Training, evaluate
from nas.train.recipe import Recipe
from nas.train.supernet import SupernetTraining
from search_spaces.mobilenet import MobileNetSpace
from search_spaces.vit import ViTSpace

RESULTS = Path(__file__).resolve().parent / "results"
SPACES: Mapping[str, type[SearchSpace]] = {"mobilenet": MobileNetSpace, "vit": ViTSpace}
RATES = {"mobilenet": 0.02, "vit": 0.003}
TRUTH = "whole, another seed"
SLICES = "slices"
Weights = Mapping[str, Tensor]
Slicer = Callable[[Architecture, int], nn.Module]  # a network, and a seed of what it lacks


@dataclass(frozen=True)
class SupernetRow:
    """One training of one network, or of the supernet.

    Attributes:
        space: mobilenet or vit.
        data: name of the images.
        network: its number; -1 for the supernet.
        way: how it was trained.
        accuracy: on validation images; of the supernet that of its largest network.
        loss: likewise.
        cpu_s: of training and validation.
        num_params: of the network.
    """

    space: str
    data: str
    network: int
    way: str
    accuracy: float
    loss: float
    cpu_s: float
    num_params: int


class SupernetBench:
    """Trains networks of one space on some images.

    Args:
        options: of the command line.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        is_digits = options.data == "digits"
        dataset = load_digits() if is_digits else load_npz(options.data)
        data = dataset.search_data()
        self.space, self.shape = SPACES[options.space](), data.shape
        self._data = move_to_device(data, torch.device("cpu"))
        self.recipe = Recipe(
            epochs=options.epochs,
            batch_size=32 if is_digits else 64,
            learning_rate=RATES[options.space],
            device="cpu",
        )
        self._supernet_epochs = round(options.times * options.epochs)
        self._named = options.space, Path(options.data).stem

    def build(self, architecture: Architecture, *, seed: int = 0) -> nn.Module:
        """Return a network with random weights."""
        torch.manual_seed(seed)
        return self.space.build(architecture, self.shape)

    def row(
        self, network: int, way: str, model: nn.Module, *, share: float, seed: int
    ) -> SupernetRow:
        """Train a network for a share of a whole training, or not at all, and judge it."""
        began_s, data, recipe = time.process_time(), self._of_size(model), self.recipe
        if way.startswith(SLICES):  # as the trials of a search begin
            recalibrate_norms(model, data)
            recipe = replace(recipe, learning_rate=RATE * recipe.learning_rate)
        if share > 0:
            Training(model, data, recipe, seed=seed, share=share).run()
        return self._judged(network, way, model, data, began_s)

    def slices(self) -> tuple[Slicer, SupernetRow]:
        """Train a supernet; return what gives its slices, and a row."""
        began_s = time.process_time()
        torch.manual_seed(0)
        family, weights = supernet_of(self.space, self.shape, seed=0)
        recipe = Recipe(
            **{**vars(self.recipe), "epochs": self._supernet_epochs},
        )
        SupernetTraining(family, weights, self._data, recipe, seed=0).run()

        def sliced(architecture: Architecture, seed: int) -> nn.Module:
            model = self.build(architecture, seed=seed)
            weights.of(model, family.places(architecture)).take_weights()
            return model

        largest = sliced(family.largest, 0)
        data = self._of_size(largest)
        recalibrate_norms(largest, data)
        return sliced, self._judged(-1, "supernet", largest, data, began_s)

    def _of_size(self, model: nn.Module) -> TrialData:
        return self._data.resized(input_size(model, self.shape))

    def _judged(
        self, network: int, way: str, model: nn.Module, data: TrialData, began_s: float
    ) -> SupernetRow:
        score = evaluate(model, data)
        spent_s = round(time.process_time() - began_s, 3)
        count = sum(parameter.numel() for parameter in model.parameters())
        return SupernetRow(*self._named, network, way, score.accuracy, score.loss, spent_s, count)


def rows_of(bench: SupernetBench, *, num_networks: int) -> Iterator[SupernetRow]:
    """Train the supernet and all networks, and yield a row for each training."""
    sliced, row = bench.slices()
    yield row
    rng = np.random.default_rng(1)
    networks = [bench.space.sample(rng) for _ in range(num_networks)]
    known: list[Weights] = []
    for number, one in enumerate(networks):
        model = bench.build(one, seed=number)
        yield bench.row(number, "whole", model, share=1.0, seed=number)
        known.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
    for number, one in enumerate(networks):
        seed = 1000 + number
        yield bench.row(number, TRUTH, bench.build(one, seed=seed), share=1.0, seed=seed)
        yield bench.row(number, "a quarter", bench.build(one, seed=seed), share=0.25, seed=seed)
        for way, share in (("", 0.0), (", a quarter", 0.25), (", a half", 0.5)):
            yield bench.row(number, SLICES + way, sliced(one, seed), share=share, seed=seed)
        heir = bench.build(one, seed=seed)
        inherit(heir, _most_similar(heir, [w for n, w in enumerate(known) if n != number]))
        yield bench.row(number, "inherited, a quarter", heir, share=0.25, seed=seed)


def _most_similar(model: nn.Module, others: Sequence[Weights]) -> Weights:
    own = _shapes(model.state_dict())
    return max(others, key=lambda other: likeness(own, _shapes(other)))


def _shapes(state: Weights) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def table(rows: Sequence[SupernetRow]) -> list[str]:
    """Return the lines of a table: accuracy, CPU seconds, and rank correlation with the truth."""
    by_way: dict[str, dict[int, SupernetRow]] = defaultdict(dict)
    for row in rows:
        by_way[row.way][row.network] = row
    numbers = sorted(by_way[TRUTH])
    sizes = np.log([by_way[TRUTH][n].num_params for n in numbers])
    truth = np.array([by_way[TRUTH][n].accuracy for n in numbers])
    whole_s = np.mean([by_way[TRUTH][n].cpu_s for n in numbers])
    lines = ["| way | accuracy | CPU s | rank correlation | given size |", "|---|---|---|---|---|"]
    for way, found in by_way.items():
        if way == "supernet":
            row = found[-1]
            told = f"{row.cpu_s / whole_s:.0f} whole trainings"
            lines.append(f"| {way} | {row.accuracy:.3f} | {row.cpu_s:.1f} ({told}) | | |")
            continue
        ours = np.array([found[n].accuracy for n in numbers])
        spent_s = sum(found[n].cpu_s for n in numbers)
        plain = spearmanr(ours, truth).statistic
        given = spearmanr(given_size(sizes, ours), given_size(sizes, truth)).statistic
        lines.append(f"| {way} | {ours.mean():.3f} | {spent_s:.1f} | {plain:.2f} | {given:.2f} |")
    return lines


def main(words: Sequence[str]) -> int:
    """Train, add the rows, and print the table."""
    options = parse(words)
    torch.set_num_threads(1)
    file = options.results / "supernet.csv"
    bench, rows = SupernetBench(options), []
    for row in rows_of(bench, num_networks=options.networks):
        rows.append(row)
        print(row.network, row.way, f"{row.accuracy:.3f}", f"{row.cpu_s:.2f} s", flush=True)
    made_by = "python -m experiments.time_to_front.supernet"
    earlier = read_rows(file, kind=SupernetRow, made_by=made_by) if file.is_file() else []
    own = (rows[0].space, rows[0].data)
    kept = [row for row in earlier if (row.space, row.data) != own]
    write_rows(file, [*kept, *rows], kind=SupernetRow)
    print(*table(rows), sep="\n")
    return 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    parser.add_argument("space", choices=sorted(SPACES))
    parser.add_argument("data", metavar="DATA", help="digits, or an npz of images")
    parser.add_argument("--networks", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=4, help="of a whole training")
    parser.add_argument("--times", type=float, default=4, help="so often as many, of the supernet")
    parser.add_argument("--results", type=Path, default=RESULTS, help="a folder")
    return parser.parse_args(words)


def small(folder: Path) -> Iterator[list[str]]:
    """Judge three networks of a supernet that is trained for one epoch."""
    few = ["--networks", "3", "--epochs", "1", "--times", "1", "--results", str(folder)]
    yield ["vit", "digits", *few]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
