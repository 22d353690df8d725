"""The model that is shipped: it takes inputs as they are stored, and normalises them itself.

If the numbers for normalising were kept outside the file, its users would sooner or later forget
them. Only resizing is left to the user, because runtimes differ in how they resize.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from nas.data.normalisation import Images
from nas.data.streamed import StreamedImages
from nas.evaluation.winner_metric import AnyData
from nas.measure.cost import input_size
from nas.train.resize import resize

# B batch, C channels, H height, W width, K classes
# ruff: noqa: N803 - names of tensors end in their shapes

FloatArray = npt.NDArray[np.float32]


class Deployable(nn.Module):
    """Inputs as stored, as floats (B, C, H, W), to outputs: logits (B, K) of classes.

    Args:
        model: takes normalised inputs.
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
        """Return the outputs, logits (B, K) where the model tells classes apart."""
        outputs: torch.Tensor = self.model((images - self.mean) / self.std)
        return outputs


@dataclass(frozen=True)
class Resized:
    """Stored inputs at the size that a model takes, made when a part of them is asked for.

    Attributes:
        images_NHWC: as stored, in memory or on disk.
        size: height and width.
    """

    images_NHWC: Images | StreamedImages  # noqa: N815 - names of tensors end in their shapes
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.images_NHWC)

    def __getitem__(self, part: slice) -> FloatArray:
        """Return floats (N, C, H, W) in the stored unit."""
        return as_input(self.images_NHWC[part], self.size)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one."""
        return int(self.images_NHWC.shape[3]), *self.size


@dataclass(frozen=True)
class Inputs:
    """Real inputs for a model.

    Attributes:
        test: floats (N, C, H, W) of the test split.
        targets: (N, ...) of the test split; classes (N,) where there are classes.
    """

    test: Resized
    targets: npt.NDArray[np.generic]


def deployable(model: nn.Module, dataset: AnyData) -> Deployable:
    """Return the model as it is shipped: on the CPU, in evaluation mode, no layer in place.

    Exporters take what a layer does in place apart into its arithmetic for any batch: of a network
    of ten `hard_swish` that took 11 of 13 seconds of the processor, where it now takes 4 of 6.
    """
    normalisation = dataset.normalisation
    wrapped = Deployable(model.cpu(), mean=normalisation.mean, std=normalisation.std)
    for layer in wrapped.modules():
        if getattr(layer, "inplace", False):
            layer.inplace = False  # type: ignore[assignment]
    return wrapped.eval().to(memory_format=torch.contiguous_format)


def real_inputs(model: nn.Module, dataset: AnyData) -> Inputs:
    """Return all inputs and targets of the test split."""
    size = input_size(model, dataset.shape)
    return Inputs(test=Resized(dataset.test.images, size), targets=dataset.test.labels)


def calibration_inputs(dataset: AnyData, size: tuple[int, int], *, count: int) -> FloatArray:
    """Return inputs (N, C, *size), evenly spaced in the training split; at most `count`."""
    taken = min(count, len(dataset.train))
    picked = np.linspace(0, len(dataset.train) - 1, taken).astype(np.int64)
    return as_input(dataset.train.images[picked], size)


def as_input(images_NHWC: Images, size: tuple[int, int]) -> FloatArray:
    """Return stored images as floats (N, C, *size): resized as in training, not normalised."""
    resized = resize(torch.from_numpy(images_NHWC), size).numpy().transpose(0, 3, 1, 2)
    # Copied: axes of length 1 may have any stride, by which ExecuTorch tells memory formats apart.
    return np.array(resized, dtype=np.float32, order="C")
