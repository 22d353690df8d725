"""What is shipped: a model that takes images as they are stored, and normalises them itself.

A network file that wants its input shifted and scaled by numbers kept elsewhere is a fault that
waits to happen. Only the resizing is left outside, because runtimes differ in it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from nas.data.dataset import Dataset, Images
from nas.finish.load_without_nas import resize
from nas.measure.cost import input_size

# B batch, C channels, H height, W width, K classes
# ruff: noqa: N803 - names of tensors end in their shapes

FloatArray = npt.NDArray[np.float32]


class Deployable(nn.Module):
    """Images as stored, as floats (B, C, H, W), to logits (B, K).

    Args:
        model: takes normalised images.
        mean: of each channel, in the unit of the stored numbers.
        std: likewise.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(
        self, model: nn.Module, *, mean: tuple[float, ...], std: tuple[float, ...]
    ) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (B, K)."""
        logits: torch.Tensor = self.model((images - self.mean) / self.std)
        return logits


@dataclass(frozen=True)
class Inputs:
    """Real images at the size that a model takes, floats (N, C, H, W) in the stored unit.

    Attributes:
        calibration: of the training split, for quantization.
        test: of the test split.
        labels: (N,) of the test images.
    """

    calibration: FloatArray
    test: FloatArray
    labels: npt.NDArray[np.int64]


def deployable(model: nn.Module, dataset: Dataset) -> Deployable:
    """Return the model as it is shipped: on the CPU, in evaluation mode."""
    normalisation = dataset.normalisation
    wrapped = Deployable(model.cpu(), mean=normalisation.mean, std=normalisation.std)
    return wrapped.eval().to(memory_format=torch.contiguous_format)


def real_inputs(model: nn.Module, dataset: Dataset, *, num_calibration: int) -> Inputs:
    """Return images for calibration, evenly spaced in the training split, and all test images."""
    size = input_size(model, dataset.shape)
    count = min(num_calibration, len(dataset.train))
    picked = np.linspace(0, len(dataset.train) - 1, count).astype(np.int64)
    return Inputs(
        calibration=as_input(dataset.train.images[picked], size),
        test=as_input(dataset.test.images, size),
        labels=dataset.test.labels,
    )


def as_input(images_NHWC: Images, size: tuple[int, int]) -> FloatArray:
    """Return stored images as floats (N, C, *size): resized as in training, not normalised."""
    return np.ascontiguousarray(resize(torch.from_numpy(images_NHWC), size).numpy())
