"""What does a network lose when it is made smaller, and would training a small one do as well?

python -m experiments.elastic.compare     once `parent` has run
"""

import argparse
import csv
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import torch
from torch import nn

from experiments.cifar10.parent import save_weights
from experiments.elastic.parent import RECIPE, WEIGHTS, make_resnet, train_on_digits
from experiments.smoke import make_parser, run_experiment
from nas.data.digits import load_digits
from nas.evaluation.placement import move_to_device
from nas.models.loading import read_weights
from nas.train.loop import evaluate
from search_spaces.elastic import ElasticSpace

RESULTS = Path(__file__).parent / "results" / "compare.csv"
MODEL = "experiments.elastic.parent.make_resnet"
SHARES = (0.56, 0.31)  # about a third and a tenth of the bytes
SEEDS = (0, 1, 2)
EPOCHS = (3, 16)
COLUMNS = ["share", "size_bytes", "way", "seed", "validation", "test", "cpu_s"]


def fresh(model: nn.Module) -> nn.Module:
    """Forget the weights."""
    for module in model.modules():
        if callable(reset := getattr(module, "reset_parameters", None)):
            reset()
    return model


def main(words: Sequence[str]) -> int:
    """Cut the network to each share, and train what is left in each way."""
    options, data = parse(words), load_digits()
    test = move_to_device(data.final_data(), torch.device("cpu"))
    whole = make_resnet()
    whole.load_state_dict(read_weights(str(options.weights)))
    whole_bytes = options.weights.stat().st_size
    rows: list[list[object]] = [
        [1.0, whole_bytes, "whole", 0, "", evaluate(whole, test).accuracy, 0.0]
    ]
    for share in options.shares:
        space = ElasticSpace(MODEL, weights=str(options.weights), parameters={"width": share})
        (cut,) = space.enumerate()
        size = space.static_costs(cut, data.shape)["size_bytes"]
        untouched = evaluate(space.build(cut, data.shape), test).accuracy
        rows.append([share, size, "cut, not trained", 0, "", untouched, 0.0])
        for seed, epochs, way in product(options.seeds, options.epochs, ("cut", "scratch")):
            torch.manual_seed(seed)
            model = space.build(cut, data.shape)
            started = time.process_time()
            scores = train_on_digits(
                fresh(model) if way == "scratch" else model,
                replace(RECIPE, epochs=epochs),
                seed=seed,
            )
            seconds = round(time.process_time() - started, 1)
            accuracies = (scores[0].accuracy, scores[1].accuracy)
            rows.append([share, size, f"{way}, {epochs} epochs", seed, *accuracies, seconds])
            print(*rows[-1], flush=True)
            write(options.results, rows)
    return 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="that `parent` wrote")
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--epochs", type=int, nargs="+", default=EPOCHS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser.parse_args(words)


def write(path: Path, rows: list[list[object]]) -> None:
    """Keep what is measured so far."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])


def small(folder: Path) -> Iterator[list[str]]:
    """Cut an untrained network once, and train for one epoch."""
    weights = folder / "parent.safetensors"
    save_weights(make_resnet(), weights)
    yield [
        "--weights", str(weights), "--shares", "0.31", "--seeds", "0", "--epochs", "1",
        "--results", str(folder / "compare.csv"),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
