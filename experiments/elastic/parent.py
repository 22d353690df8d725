"""The network that is made smaller: a ResNet-18 for small images, and how it was trained.

python -m experiments.elastic.parent      trains it and writes parent.safetensors
"""

import sys
from pathlib import Path

import torch
from torch import nn

from experiments.cifar10.parent import save_weights, small_resnet18, train
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


def main() -> None:
    """Train the network with seed 0 and keep its weights."""
    torch.manual_seed(0)
    model = make_resnet()
    validation, test = train_on_digits(model, RECIPE, seed=0)
    save_weights(model, WEIGHTS)
    print(f"validation {validation.accuracy:.4f}, test {test.accuracy:.4f}")


if __name__ == "__main__":
    sys.exit(main())
