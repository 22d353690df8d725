"""What is each format given? One network, ready to be written: its torch model and real inputs.

A network whose weights were trained as whole numbers comes in two forms: `model` computes the same
with floats, and `packed_model` keeps the whole numbers.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from torch import nn

from nas.compress.storage import WeightStorage, storage_of
from nas.evaluation.winner_metric import AnyData
from nas.export.deployable import (
    Deployable,
    FloatArray,
    Inputs,
    calibration_inputs,
    deployable,
    real_inputs,
)
from nas.measure.cost import input_size

Runner = Callable[[FloatArray], FloatArray]
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class StoredModel:
    """A network whose weights were trained as whole numbers.

    Attributes:
        storage: how they are kept.
        model: as it was trained.
    """

    storage: WeightStorage
    model: nn.Module


class ShippedNetwork:
    """A trained network, as formats need it.

    Args:
        model: trained, its weights loaded; made plain in place.
        weights: the same weights as bytes of a safetensors file.
        dataset: where real inputs come from.
        num_threads: CPU threads that times are taken with.

    Attributes:
        model: takes inputs as they are stored, in floats; what every file must compute.
        weights: bytes of a safetensors file.
        stored: the network as it was trained, where its weights are whole numbers; else None.
        inputs: those of the test split.
        size: height and width of an input.
        num_threads: CPU threads that times are taken with.
    """

    def __init__(
        self, model: nn.Module, *, weights: bytes, dataset: AnyData, num_threads: int
    ) -> None:
        storage = storage_of(model)
        self.stored: StoredModel | None = None
        if storage is not None:
            self.stored = StoredModel(storage, copy.deepcopy(model))
            storage.remove_parametrizations(model)
        self.size = input_size(model, dataset.shape)
        self.weights, self.num_threads = weights, num_threads
        self.model: Deployable = deployable(model, dataset)
        self.inputs: Inputs = real_inputs(model, dataset)
        self._dataset = dataset
        self._made: dict[Callable[..., Any], Any] = {}

    @property
    def bits(self) -> int | None:
        """Of each weight, where the weights are whole numbers; None for floats."""
        return None if self.stored is None else self.stored.storage.bits

    @property
    def example(self) -> FloatArray:
        """Two real inputs (2, C, H, W), as a file takes them."""
        return self.inputs.test[:2]

    def calibration(self, count: int) -> FloatArray:
        """Return inputs (count, C, H, W) of the training split; all of them where there are fewer.

        They lie evenly spaced in the split.
        """
        return calibration_inputs(self._dataset, self.size, count=count)

    def packed_model(self) -> Deployable:
        """Return a model that keeps its weights as whole numbers, and computes the same."""
        assert self.stored is not None, "only whole numbers are packed"
        packed = copy.deepcopy(self.stored.model)
        self.stored.storage.store(packed)
        return deployable(packed, self._dataset)

    def once(self, make: Callable[["ShippedNetwork"], _Made]) -> _Made:
        """Return what `make` makes of this network; formats that share it make it once."""
        if make not in self._made:
            self._made[make] = make(self)
        return cast(_Made, self._made[make])


def torch_runner(module: Callable[[torch.Tensor], torch.Tensor]) -> Runner:
    """Return a torch model as a function of arrays."""

    def run(images: FloatArray) -> FloatArray:
        with torch.inference_mode():
            return module(torch.from_numpy(images)).numpy()

    return run
