"""Are networks most of whose weights are zero worth shipping? Against fewer bits and channels.

python -m experiments.end_to_end.sparse [CIFAR10.npz]

Trains one random architecture of the space mobilenet on the digits, and one on the images of the
file, if one is given (`python -m experiments.cifar10.convert FOLDER FILE 16 5000`). Then sets the
least weights to zero (LAMP scores, Lee et al. 2021, https://arxiv.org/abs/2010.07611, over all
convolutions and linear layers), or compresses as `nas finish` does, and trains on for half of the
epochs, on train and validation. The results say for each the bytes of the stored tensors and the
accuracy on the test split. A sparse tensor counts as compactly as can be: one bit for
each weight says whether it is zero, and only the others are stored.
"""

import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load
from torch import nn
from torch.nn.utils import parametrize

from experiments.cifar10.pretend import write_images
from experiments.smoke import make_parser, run_experiment
from nas.architecture import Architecture, Value
from nas.compress.quantize import LAYERS, quantize_weights
from nas.data.dataset import Dataset
from nas.data.digits import load_digits
from nas.data.npz import load_npz
from nas.finish.retrain import final_evaluator
from nas.finish.shrink import ORIGINAL, TO, Shrinking, ShrunkSpace
from nas.measure.cost import size_bytes
from nas.space.space import SearchSpace
from nas.task import DataShape
from nas.train.recipe import Recipe
from nas.trial import TrialSpec
from search_spaces.mobilenet import MobileNetSpace

RESULTS = Path(__file__).parent / "results" / "sparse.csv"
SEEDS = (1, 2)
SIZE = 105_000
DENSE = ("int8", "int4", "kept0.5")
ZEROS = (0.5, 0.75)
HEAD = ("data", "num_params", "weights", "stored_bytes", "test_mean")


class Masked(nn.Module):
    """A weight of which some stay zero."""

    mask: torch.Tensor

    def __init__(self, mask: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """Return the weight with zeros in it."""
        return weight * self.mask


class SparseSpace(SearchSpace):
    """Builds trained networks whose least weights are zero and stay so.

    Args:
        space: of the networks.
        weights: seed of a training -> what it learnt.
    """

    def __init__(self, space: SearchSpace, weights: dict[str, bytes]) -> None:
        self._space, self._weights = space, weights
        self.parameters, self.domains = space.parameters, space.domains

    def build(self, architecture: Architecture, data: DataShape) -> nn.Module:
        """Return a network that may be trained on at once."""
        return self.build_sparse(architecture, data)[0]

    def build_sparse(self, architecture: Architecture, data: DataShape) -> tuple[nn.Module, int]:
        """Return the network, and the bytes of what is left of it."""
        rest = {k: v for k, v in architecture.items() if k not in ("zeros", "bits", ORIGINAL)}
        with torch.random.fork_rng([]):
            model = self._space.build(Architecture(rest), data)
            model.load_state_dict(load(self._weights[str(architecture[ORIGINAL])]))
        stored = set_zero(model, float(architecture["zeros"]), bits=int(architecture["bits"]))
        return model, stored

    def static_costs(self, architecture: Architecture, data: DataShape) -> dict[str, float]:
        """Return the bytes; nothing else of it is asked for."""
        _, stored = self.build_sparse(architecture, data)
        return {"num_params": 0.0, "num_macs": 0.0, "size_bytes": float(stored)}


def set_zero(model: nn.Module, share: float, *, bits: int) -> int:
    """Mask the least weights of all layers together; return the bytes of what is left."""
    layers = [module for module in model.modules() if isinstance(module, LAYERS)]
    rest = size_bytes(model) - sum(4 * layer.weight.numel() for layer in layers)
    scores = [lamp(layer.weight.detach()) for layer in layers]
    together = torch.cat([score.flatten() for score in scores])
    limit = together.kthvalue(round(share * len(together))).values
    stored = rest
    for layer, score in zip(layers, scores, strict=True):
        mask = (score > limit).float()
        parametrize.register_parametrization(layer, "weight", Masked(mask))
        stored += -(-mask.numel() // 8) + int(mask.sum()) * bits // 8
        stored += 4 * len(mask) if bits < 32 else 0
    if bits < 32:
        quantize_weights(model, bits=bits)
    return stored


def lamp(weight: torch.Tensor) -> torch.Tensor:
    """Return the square of each weight over the sum of all squares that are no less."""
    squares = weight.flatten().square()
    order = squares.argsort(descending=True)
    scores = torch.empty_like(squares)
    scores[order] = squares[order] / squares[order].cumsum(0)
    return scores.view_as(weight)


def measure(
    name: str, dataset: Dataset, *, size: int, num_epochs: int, seeds: Sequence[int]
) -> list[list[object]]:
    """Return a row for each way to store one network."""
    space, recipe = MobileNetSpace(), Recipe(epochs=num_epochs, device="cpu")
    whole = final_evaluator(space, dataset, recipe)
    rng = np.random.default_rng(0)
    drawn = [space.sample(rng) for _ in range(400)]
    above = [a for a in drawn if whole.static_costs(a)["num_params"] >= size]
    architecture = min(above, key=lambda a: whole.static_costs(a)["num_params"])
    costs = whole.static_costs(architecture)
    trained = {seed: whole.evaluate(TrialSpec(0, architecture, seed=seed)) for seed in seeds}
    rows: list[list[object]] = []

    def add(weights: str, stored: float, values: list[float]) -> None:
        mean = sum(values) / len(values)
        rows.append([name, int(costs["num_params"]), weights, int(stored), mean, *values])
        print(*rows[-1], flush=True)

    add("floats", costs["size_bytes"], [t.metrics["accuracy"] for t in trained.values()])
    weights = {str(seed): result.weights or b"" for seed, result in trained.items()}
    tuned = Shrinking(DENSE).recipe(recipe)
    ways: list[tuple[str, SearchSpace, dict[str, Value]]] = [
        (way, ShrunkSpace(space, weights), {TO: way}) for way in DENSE
    ]
    ways += [
        (
            f"zeros {share:g}" + (" int8" if bits == 8 else ""),
            SparseSpace(space, weights),
            {"zeros": share, "bits": bits},
        )
        for share in ZEROS
        for bits in (32, 8)
    ]
    for way, smaller, words in ways:
        evaluator = final_evaluator(smaller, dataset, tuned)
        values, stored = [], 0.0
        for seed in seeds:
            made = Architecture({**architecture, **words, ORIGINAL: str(seed)})
            stored = (
                smaller.static_costs(made, dataset.shape)["size_bytes"]
                if isinstance(smaller, SparseSpace)
                else size_bytes(smaller.build(made, dataset.shape))
            )
            values.append(evaluator.evaluate(TrialSpec(0, made, seed=seed)).metrics["accuracy"])
        add(way, stored, values)
    return rows


def main(words: Sequence[str]) -> int:
    """Measure and write."""
    parser = make_parser(__doc__)
    parser.add_argument("cifar10", nargs="?", metavar="CIFAR10.npz")
    parser.add_argument("--size", type=int, default=SIZE, help="parameters, at least")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument(
        "--epochs", type=int, nargs=2, default=(8, 4), help="on the digits, on CIFAR-10"
    )
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(words)
    size, seeds = options.size, options.seeds
    rows = measure("digits", load_digits(), size=size, num_epochs=options.epochs[0], seeds=seeds)
    if options.cifar10 is not None:
        photos = load_npz(options.cifar10, validation_fraction=0.1, is_mirrorable=True)
        assert isinstance(photos, Dataset), "the file holds classes"
        rows += measure(
            "CIFAR-10, 16 x 16", photos, size=size, num_epochs=options.epochs[1], seeds=seeds
        )
    with options.results.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([(*HEAD, *seeds), *rows])
    return 0


def small(folder: Path) -> Iterator[list[str]]:
    """Train small networks with one seed."""
    file = write_images(folder / "images.npz", side=16, num_train=100, num_test=20)
    yield [
        str(file), "--size", "5000", "--seeds", "1", "--epochs", "1", "1",
        "--results", str(folder / "sparse.csv"),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
