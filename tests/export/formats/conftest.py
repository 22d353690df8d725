"""A small network and its images, for files that another runtime computes."""

import numpy as np
import pytest
import torch
from torch import nn

from nas.export.deployable import Deployable


@pytest.fixture
def model():
    torch.manual_seed(0)
    layers = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3)
    )
    return Deployable(layers, mean=(0.5,), std=(2.0,)).eval()


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(5, 1, 6, 6)).astype(np.float32)


@pytest.fixture
def expected(model, images):
    """What the network itself computes for the images."""
    with torch.inference_mode():
        return model(torch.from_numpy(images)).numpy()
