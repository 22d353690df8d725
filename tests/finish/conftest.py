"""A tiny space and data set on which a whole `nas finish` takes seconds."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from nas.architecture import Architecture
from nas.data.dataset import Dataset, Split
from nas.execution.inline import InlineBackend
from nas.export.formats.onnx_float import OnnxFloat
from nas.export.formats.onnx_int8 import OnnxInt8
from nas.export.formats.torch_export import TorchExport
from nas.export.formats.weights import Weights
from nas.finish.retrain import Crew
from nas.objective import objective_for
from nas.space.space import SearchSpace
from nas.train.recipe import Recipe
from nas.trial import TrialRecord, TrialState

TORCH_FILES = {"weights": Weights(), "torch_export": TorchExport()}
ONNX_FILES = {"onnx": OnnxFloat(), "int8": OnnxInt8()}
OBJECTIVES = (objective_for("accuracy"), objective_for("size_bytes"))


class TinySpace(SearchSpace):
    """One convolution of 2 to 8 channels, with a norm, before the classifier."""

    default_parameters: ClassVar = {
        "channels": {"choice": [2, 4, 8]},
        "kernel": {"choice": [1, 3]},
    }

    def build(self, architecture, data):
        channels, kernel = architecture["channels"], architecture["kernel"]
        return nn.Sequential(
            nn.Conv2d(data.input_shape[0], channels, kernel, padding=kernel // 2),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(4 * channels, data.num_classes),
        )


def _split(rng, count):
    labels = np.arange(count) % 3
    images = rng.normal(0.0, 1.0, (count, 6, 6, 1))
    images[labels == 1, :3] += 1.5
    images[labels == 2, :, :3] += 1.5
    return Split(images.astype(np.float32), labels.astype(np.int64))


@pytest.fixture(scope="session")
def dataset():
    rng = np.random.default_rng(0)
    return Dataset(
        name="corners",
        train=_split(rng, 120),
        validation=_split(rng, 60),
        test=_split(rng, 90),
        class_names=("none", "top", "left"),
        split_rule="drawn apart",
    )


@pytest.fixture(scope="session")
def space():
    return TinySpace()


@pytest.fixture
def recipe():
    return Recipe(epochs=2, batch_size=30, device="cpu")


@dataclass
class Signal:
    """Asks for the end after some jobs, as Ctrl-C does."""

    after: int = 10**6
    seen: int = 0

    @property
    def requested(self):
        return self.seen >= self.after

    def watch(self) -> AbstractContextManager["Signal"]:
        return nullcontext(self)

    def on_entry(self, job, entry, num_done, num_jobs):
        self.seen += 1


def crew_of(signal, make_backend=InlineBackend):
    return Crew(make_backend=make_backend, watch=signal.watch, on_entry=signal.on_entry)


def record(number, *, channels, kernel=3, accuracy, size_bytes, **metrics):
    return TrialRecord(
        number=number,
        architecture=Architecture({"channels": channels, "kernel": kernel}),
        state=TrialState.COMPLETE,
        metrics={"accuracy": accuracy, "size_bytes": size_bytes, **metrics},
    )


@pytest.fixture
def records():
    """Three on the front and one beaten."""
    return [
        record(0, channels=2, accuracy=0.70, size_bytes=252.0),
        record(1, channels=4, accuracy=0.80, size_bytes=492.0),
        record(2, channels=8, accuracy=0.90, size_bytes=972.0),
        record(3, channels=4, kernel=1, accuracy=0.60, size_bytes=364.0),
    ]


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
