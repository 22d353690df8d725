"""What does a network lose when it is made smaller, and would training a small one do as well?

python -m experiments.elastic.compare     writes results/compare.csv, once `parent` has run
"""

import csv
import sys
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import torch
from torch import nn

from experiments.elastic.parent import RECIPE, WEIGHTS, make_resnet, train_on_digits
from nas.data.digits import load_digits
from nas.evaluation.placement import move_to_device
from nas.models.loading import read_weights
from nas.train.loop import evaluate
from search_spaces.elastic import ElasticSpace

MODEL = "experiments.elastic.parent.make_resnet"
SHARES = (0.56, 0.31)  # about a third and a tenth of the bytes
SEEDS = (0, 1, 2)
EPOCHS = (3, 16)
COLUMNS = ["share", "size_bytes", "way", "seed", "validation", "test", "cpu_s"]


def fresh(model: nn.Module) -> nn.Module:
    """Forget the weights."""
    for module in model.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return model


def main() -> None:
    """Cut the network to each share, and train what is left in each way."""
    data = load_digits()
    test = move_to_device(data.final_data(), torch.device("cpu"))
    whole = make_resnet()
    whole.load_state_dict(read_weights(str(WEIGHTS)))
    whole_bytes = WEIGHTS.stat().st_size
    rows: list[list[object]] = [
        [1.0, whole_bytes, "whole", 0, "", evaluate(whole, test).accuracy, 0.0]
    ]
    for share in SHARES:
        space = ElasticSpace(MODEL, weights=str(WEIGHTS), parameters={"width": share})
        (cut,) = space.enumerate()
        size = space.static_costs(cut, data.shape)["size_bytes"]
        untouched = evaluate(space.build(cut, data.shape), test).accuracy
        rows.append([share, size, "cut, not trained", 0, "", untouched, 0.0])
        for seed, epochs, way in product(SEEDS, EPOCHS, ("cut", "scratch")):
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
            write(rows)


def write(rows: list[list[object]]) -> None:
    """Keep what is measured so far."""
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    with (results / "compare.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])


if __name__ == "__main__":
    sys.exit(main())
