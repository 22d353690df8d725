"""Small, real pieces of the digits and a small, real network."""

import pytest
import torch
from torch import nn

from nas.data.dataset import SearchData
from nas.data.digits import load_digits
from nas.evaluation.placement import move_to_device
from nas.train.batches import TrialData
from nas.train.recipe import Recipe


@pytest.fixture(scope="session")
def digits() -> SearchData:
    return load_digits().search_data()


@pytest.fixture(scope="session")
def resident(digits) -> TrialData:
    return move_to_device(digits, torch.device("cpu"))


@pytest.fixture
def recipe() -> Recipe:
    return Recipe(epochs=2, batch_size=64, shift=0.1, device="cpu")


@pytest.fixture
def make_model():
    def make(seed=0, *, dropout=0.1):
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            return nn.Sequential(
                nn.Conv2d(1, 16, 3, padding=1, bias=False),
                nn.BatchNorm2d(16),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Conv2d(16, 32, 3, padding=1, bias=False),
                nn.BatchNorm2d(32),
                nn.ReLU(),
                nn.Flatten(),
                nn.Dropout(dropout),
                nn.Linear(32 * 16, 10),
            )

    return make
