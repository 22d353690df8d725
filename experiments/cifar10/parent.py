"""The network that `elastic` makes smaller: a ResNet-18 of a quarter of the width, for 16 pixels.

python -m experiments.cifar10.parent cifar10_16.npz parent.safetensors
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import timm
import torch
from safetensors.torch import save_file
from torch import nn

from experiments.cifar10.pretend import write_images
from experiments.smoke import make_parser, run_experiment
from nas.data.npz import load_npz
from nas.evaluation.placement import move_to_device
from nas.train.batches import TrialData
from nas.train.device import keep_freed_memory
from nas.train.loop import Score, Training
from nas.train.recipe import Recipe

RECIPE = Recipe(epochs=3, batch_size=64, learning_rate=0.01, shift=0.1)
VALIDATION_FRACTION = 0.2  # as in experiment.yaml: what the search judges by is not learnt from


def make_resnet() -> nn.Module:
    """Return an untrained network; its first map is not halved."""
    return small_resnet18(channels=(16, 32, 64, 128), in_channels=3)


def small_resnet18(channels: Sequence[int], *, in_channels: int) -> nn.Module:
    """Return timm's ResNet-18 with stages of so many channels, for images of few pixels."""
    model: nn.Module = timm.create_model(
        "resnet18", channels=tuple(channels), in_chans=in_channels, num_classes=10
    )
    model.conv1 = nn.Conv2d(in_channels, 64, 3, padding=1, bias=False)
    model.maxpool = nn.Identity()
    return model


def train(model: nn.Module, data: TrialData, recipe: Recipe, *, seed: int) -> Score:
    """Train in place; return the score on the validation images."""
    training = Training(model.to(memory_format=torch.channels_last), data, recipe, seed=seed)
    training.run()
    return training.score()


def save_weights(model: nn.Module, path: Path) -> None:
    """Write what a model has learnt."""
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, path)


def main(words: Sequence[str]) -> int:
    """Train with seed 0 on the training split alone, and keep the weights."""
    parser = make_parser(__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    options = parser.parse_args(words)
    recipe = replace(RECIPE, epochs=options.epochs)
    torch.manual_seed(0)
    keep_freed_memory()
    data = load_npz(str(options.file), validation_fraction=VALIDATION_FRACTION, is_mirrorable=True)
    model = make_resnet()
    score = train(model, move_to_device(data.search_data(), torch.device("cpu")), recipe, seed=0)
    save_weights(model, options.weights)
    num_params = sum(parameter.numel() for parameter in model.parameters())
    print(f"{num_params} parameters, validation accuracy {score.accuracy:.4f}")
    return 0


def small(folder: Path) -> Iterator[list[str]]:
    """Train on few made-up images."""
    file = write_images(folder / "images.npz", side=16, num_train=100, num_test=20)
    yield [str(file), str(folder / "parent.safetensors"), "--epochs", "1"]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
