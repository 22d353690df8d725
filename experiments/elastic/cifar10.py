"""What a network loses at a third of its bytes, on photos: CIFAR-10 at 16 pixels.

    python -m experiments.elastic.cifar10 cifar10_16.npz

The file is made by `experiments.cifar10.convert`. What the results hold already is not done again.
"""

import argparse
import csv
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import torch
from torch import nn

from experiments.cifar10.parent import make_resnet, save_weights, train
from experiments.cifar10.pretend import write_images
from experiments.elastic.compare import COLUMNS, fresh
from experiments.smoke import make_parser, run_experiment
from nas.data.npz import load_npz
from nas.evaluation.placement import move_to_device
from nas.models.loading import read_weights
from nas.train.batches import TrialData
from nas.train.device import keep_freed_memory
from nas.train.loop import evaluate
from nas.train.recipe import Recipe
from search_spaces.elastic import ElasticSpace

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results" / "cifar10.csv"
WEIGHTS = FOLDER / "cifar10_parent.safetensors"
MODEL = "experiments.cifar10.parent.make_resnet"
RECIPE = Recipe(epochs=12, batch_size=64, learning_rate=0.01, shift=0.1)
FINE_TUNING = Recipe(epochs=4, batch_size=64, learning_rate=0.01, shift=0.1)
SHARE = 0.56  # of each layer's channels: about a third of the bytes
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Notes:
    """A CSV file of what was measured so far."""

    path: Path

    def rows(self) -> list[list[str]]:
        """Return the rows that are there."""
        if not self.path.is_file():
            return []
        with self.path.open(newline="") as file:
            return list(csv.reader(file))[1:]

    def holds(self, way: str, seed: int) -> bool:
        """Say whether a row is there."""
        return any(row[2:4] == [way, str(seed)] for row in self.rows())

    def add(self, *row: object) -> None:
        """Keep what was measured."""
        cells = [round(cell, 4) if isinstance(cell, float) else cell for cell in row]
        print(*cells, flush=True)
        rows: list[Sequence[object]] = [COLUMNS, *self.rows(), cells]
        with self.path.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


def main(words: Sequence[str]) -> int:
    """Train the network, cut it, and train what is left in each way."""
    options = parse(words)
    recipe = replace(RECIPE, epochs=options.epochs)
    fine_tuning = replace(FINE_TUNING, epochs=options.fine_tuning)
    torch.set_num_threads(1)
    keep_freed_memory()
    notes = Notes(options.results)
    data = load_npz(str(options.file), is_mirrorable=True)
    device = torch.device("cpu")
    search, test = (
        move_to_device(part, device) for part in (data.search_data(), data.final_data())
    )
    whole, seconds = trained_parent(search, recipe, options.weights)
    size = sum(t.numel() * t.element_size() for t in whole.state_dict().values())
    name = f"whole, {recipe.epochs} epochs"
    if not notes.holds(name, 0):
        scores = evaluate(whole, search).accuracy, evaluate(whole, test).accuracy
        notes.add(1.0, size, name, 0, *scores, seconds)
    space = ElasticSpace(MODEL, weights=str(options.weights), parameters={"width": SHARE})
    (cut,) = space.enumerate()
    size = int(space.static_costs(cut, data.shape)["size_bytes"])
    if not notes.holds("cut, not trained", 0):
        untouched = evaluate(space.build(cut, data.shape), test).accuracy
        notes.add(SHARE, size, "cut, not trained", 0, "", untouched, 0.0)
    jobs = [*product(options.seeds, ("cut", "scratch"), (fine_tuning,)), (0, "scratch", recipe)]
    for seed, way, chosen in jobs:
        name = f"{way}, {chosen.epochs} epochs"
        if notes.holds(name, seed):
            continue
        torch.manual_seed(seed)
        model = space.build(cut, data.shape)
        seconds = time.process_time()
        score = train(model if way == "cut" else fresh(model), search, chosen, seed=seed)
        seconds = time.process_time() - seconds
        notes.add(SHARE, size, name, seed, score.accuracy, evaluate(model, test).accuracy, seconds)
    return 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="trained if it is not there")
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    parser.add_argument("--fine-tuning", type=int, default=FINE_TUNING.epochs, help="epochs")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser.parse_args(words)


def trained_parent(data: TrialData, recipe: Recipe, weights: Path) -> tuple[nn.Module, float]:
    """Return the whole network and its CPU seconds: few where it was trained before."""
    torch.manual_seed(0)
    model, started = make_resnet(), time.process_time()
    if weights.is_file():
        model.load_state_dict(read_weights(str(weights)))
    else:
        train(model, data, recipe, seed=0)
        save_weights(model, weights)
    return model, time.process_time() - started


def small(folder: Path) -> Iterator[list[str]]:
    """Train on few made-up images, for one and two epochs."""
    file = write_images(folder / "images.npz", side=16, num_train=200, num_test=50)
    yield [
        str(file), "--weights", str(folder / "parent.safetensors"), "--epochs", "2",
        "--fine-tuning", "1", "--seeds", "0", "--results", str(folder / "cifar10.csv"),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
