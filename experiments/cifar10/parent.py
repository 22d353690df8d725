"""The network that `elastic` makes smaller: a ResNet-18 of a quarter of the width, for 16 pixels.

python -m experiments.cifar10.parent cifar10_16.npz parent.safetensors
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import timm
import torch
from safetensors.torch import save_file
from torch import nn

from nas.data.npz import load_npz
from nas.evaluation.placement import move_to_device
from nas.train.device import keep_freed_memory
from nas.train.loop import Training
from nas.train.recipe import Recipe

RECIPE = Recipe(epochs=3, batch_size=64, learning_rate=0.01, shift=0.1)
VALIDATION_FRACTION = 0.2  # as in experiment.yaml: what the search judges by is not learnt from


def make_resnet() -> nn.Module:
    """Return an untrained network; its first map is not halved."""
    model = timm.create_model("resnet18", channels=(16, 32, 64, 128), num_classes=10)
    model.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    model.maxpool = nn.Identity()
    return model


def main(words: Sequence[str]) -> int:
    """Train with seed 0 on the training split alone, and keep the weights."""
    if len(words) != 2:
        print(__doc__)
        return 2
    torch.manual_seed(0)
    keep_freed_memory()
    data = load_npz(words[0], validation_fraction=VALIDATION_FRACTION, is_mirrorable=True)
    model = make_resnet().to(memory_format=torch.channels_last)
    training = Training(
        model, move_to_device(data.search_data(), torch.device("cpu")), RECIPE, seed=0
    )
    training.run()
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, Path(words[1]))
    num_params = sum(parameter.numel() for parameter in model.parameters())
    print(f"{num_params} parameters, validation accuracy {training.score().accuracy:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
