"""The network that is made smaller: a ResNet-18 for small images, and how it was trained.

python -m experiments.elastic.parent      trains it and writes parent.safetensors
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from experiments.cifar10.parent import save_weights, small_resnet18, train
from experiments.smoke import make_parser, run_experiment
from nas.data.digits import load_digits
from nas.evaluation.placement import move_to_device
from nas.train.loop import Score, evaluate
from nas.train.recipe import Recipe

WEIGHTS = Path(__file__).parent / "parent.safetensors"
RECIPE = Recipe(epochs=16, batch_size=32, learning_rate=0.005)


def make_resnet() -> nn.Module:
    """Return an untrained ResNet-18 of half the width, its first map not halved (8x8 pixels)."""
    return small_resnet18(channels=(32, 64, 128, 256), in_channels=1)


def train_on_digits(model: nn.Module, recipe: Recipe, *, seed: int) -> tuple[Score, Score]:
    """Train in place; return the scores on validation and on test images."""
    torch.manual_seed(seed)
    digits, device = load_digits(), torch.device("cpu")
    validation = train(model, move_to_device(digits.search_data(), device), recipe, seed=seed)
    return validation, evaluate(model, move_to_device(digits.final_data(), device))


def main(words: Sequence[str]) -> int:
    """Train the network with seed 0 and keep its weights."""
    parser = make_parser(__doc__)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="the file to write")
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    options = parser.parse_args(words)
    torch.manual_seed(0)
    model = make_resnet()
    validation, test = train_on_digits(model, replace(RECIPE, epochs=options.epochs), seed=0)
    save_weights(model, options.weights)
    print(f"validation {validation.accuracy:.4f}, test {test.accuracy:.4f}")
    return 0


def small(folder: Path) -> Iterator[list[str]]:
    """Train for one epoch."""
    yield ["--weights", str(folder / "parent.safetensors"), "--epochs", "1"]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
