"""What a network loses at a third of its bytes, on photos: CIFAR-10 at 16 pixels.

    python -m experiments.elastic.cifar10 cifar10_16.npz     writes results/cifar10.csv

The file is made by `experiments.cifar10.convert`. What the CSV holds already is not done again.
"""

import csv
import sys
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import torch
from torch import nn

from experiments.cifar10.parent import make_resnet, save_weights, train
from experiments.elastic.compare import COLUMNS, fresh
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


def main(words: Sequence[str]) -> int:
    """Train the network, cut it, and train what is left in each way."""
    if len(words) != 1:
        print(__doc__)
        return 2
    torch.set_num_threads(1)
    keep_freed_memory()
    data = load_npz(words[0], is_mirrorable=True)
    device = torch.device("cpu")
    search, test = (
        move_to_device(part, device) for part in (data.search_data(), data.final_data())
    )
    whole, seconds = trained_parent(search)
    size = sum(t.numel() * t.element_size() for t in whole.state_dict().values())
    name = f"whole, {RECIPE.epochs} epochs"
    if not is_noted(name, 0):
        scores = evaluate(whole, search).accuracy, evaluate(whole, test).accuracy
        note(1.0, size, name, 0, *scores, seconds)
    space = ElasticSpace(MODEL, weights=str(WEIGHTS), parameters={"width": SHARE})
    (cut,) = space.enumerate()
    size = int(space.static_costs(cut, data.shape)["size_bytes"])
    if not is_noted("cut, not trained", 0):
        untouched = evaluate(space.build(cut, data.shape), test).accuracy
        note(SHARE, size, "cut, not trained", 0, "", untouched, 0.0)
    jobs = [*product(SEEDS, ("cut", "scratch"), (FINE_TUNING,)), (0, "scratch", RECIPE)]
    for seed, way, recipe in jobs:
        name = f"{way}, {recipe.epochs} epochs"
        if is_noted(name, seed):
            continue
        torch.manual_seed(seed)
        model = space.build(cut, data.shape)
        seconds = time.process_time()
        score = train(model if way == "cut" else fresh(model), search, recipe, seed=seed)
        seconds = time.process_time() - seconds
        scores = score.accuracy, evaluate(model, test).accuracy
        note(SHARE, size, name, seed, *scores, seconds)
    return 0


def trained_parent(data: TrialData) -> tuple[nn.Module, float]:
    """Return the whole network and its CPU seconds: few where it was trained before."""
    torch.manual_seed(0)
    model, started = make_resnet(), time.process_time()
    if WEIGHTS.is_file():
        model.load_state_dict(read_weights(str(WEIGHTS)))
    else:
        train(model, data, RECIPE, seed=0)
        save_weights(model, WEIGHTS)
    return model, time.process_time() - started


def noted() -> list[list[str]]:
    """Return the rows that were measured so far."""
    if not RESULTS.is_file():
        return []
    with RESULTS.open(newline="") as file:
        return list(csv.reader(file))[1:]


def is_noted(way: str, seed: int) -> bool:
    """Say whether a row is there."""
    return any(row[2:4] == [way, str(seed)] for row in noted())


def note(*row: object) -> None:
    """Keep what was measured."""
    cells = [round(cell, 4) if isinstance(cell, float) else cell for cell in row]
    print(*cells, flush=True)
    rows = [COLUMNS, *noted(), cells]
    with RESULTS.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
