"""The network that is made smaller: a ResNet-18 for small images, and how it was trained.

python parent.py      trains it and writes parent.safetensors
"""

import sys
from pathlib import Path

import timm
import torch
from safetensors.torch import save_file
from torch import nn

from nas.data.digits import load_digits
from nas.evaluation.placement import move_to_device
from nas.train.loop import Score, Training, evaluate
from nas.train.recipe import Recipe

WEIGHTS = Path(__file__).parent / "parent.safetensors"
RECIPE = Recipe(epochs=16, batch_size=32, learning_rate=0.005)


def make_resnet() -> nn.Module:
    """Return an untrained ResNet-18 of half the width, its first map not halved (8x8 pixels)."""
    model = timm.create_model("resnet18", channels=(32, 64, 128, 256), in_chans=1, num_classes=10)
    model.conv1 = nn.Conv2d(1, 64, 3, padding=1, bias=False)
    model.maxpool = nn.Identity()
    return model


def train(model: nn.Module, recipe: Recipe, *, seed: int) -> tuple[Score, Score]:
    """Train in place; return the scores on validation and on test images."""
    torch.manual_seed(seed)
    digits = load_digits()
    training = Training(
        model.to(memory_format=torch.channels_last),
        move_to_device(digits.search_data(), torch.device("cpu")),
        recipe,
        seed=seed,
    )
    training.run()
    test = move_to_device(digits.final_data(), torch.device("cpu"))
    return training.score(), evaluate(model, test)


def main() -> None:
    """Train the network with seed 0 and keep its weights."""
    torch.manual_seed(0)
    model = make_resnet()
    validation, test = train(model, RECIPE, seed=0)
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, WEIGHTS)
    print(f"validation {validation.accuracy:.4f}, test {test.accuracy:.4f}")


if __name__ == "__main__":
    sys.exit(main())
