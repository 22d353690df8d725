"""Convolutions along one dimension, for signals: stored with height 1, seen as (B, C, length)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from nas.architecture import Architecture
from nas.errors import SpaceError
from nas.space.rules import MAX_KERNEL, check_parameters, either, odd, whole
from nas.space.space import SearchSpace
from nas.task import DataShape


class SignalNet(nn.Module):
    """Blocks of convolutions along a signal, pooled to one vector.

    Args:
        layers: of (B, C, length).
        features: channels of the last one.
        num_outputs: what comes out.
    """

    def __init__(self, layers: nn.Sequential, features: int, num_outputs: int) -> None:
        super().__init__()
        self.layers = layers
        self.head = nn.Linear(features, num_outputs)

    def forward(self, signals: Tensor) -> Tensor:
        """Return (B, outputs) for signals (B, C, 1, length)."""
        features: Tensor = self.layers(signals.squeeze(2)).mean(dim=2)
        out: Tensor = self.head(features)
        return out


class SignalSpace(SearchSpace):
    """Depth, width, kernels and strides of one-dimensional convolutions.

    Args:
        parameters: the tree of parameters; the names must be those of `default_parameters`.

    Raises:
        SpaceError: a parameter is missing, unknown or has a value that cannot be built.
    """

    default_parameters: ClassVar[Mapping[str, Any]] = {
        "width": {"choice": [4, 8, 16, 32]},
        "blocks": {
            "repeat": {"int": [1, 4]},
            "kernel": {"choice": [3, 5, 9]},
            "stride": {"choice": [1, 2]},
            "is_separable": {"choice": [True, False]},
        },
    }

    example_data: tuple[DataShape, ...] = (
        DataShape((1, 1, 40), 10),
        DataShape((3, 1, 128), 4),
    )

    def __init__(self, parameters: Mapping[str, Any] | None = None) -> None:
        super().__init__(parameters)
        rules = {
            "width": whole(1),
            "blocks.repeat": whole(1),
            "blocks.kernel": odd(1),
            "blocks.stride": whole(1, MAX_KERNEL),
            "blocks.is_separable": either(),
        }
        check_parameters(self.domains, rules, space="signals")

    def check_data(self, data: DataShape) -> None:
        """Refuse images.

        Raises:
            SpaceError: the data have a height.
        """
        if data.input_shape[1] != 1:
            raise SpaceError(
                f"signals has networks for series (channels, 1, length), but the data are "
                f"{data.input_shape}; take another search space for images"
            )

    def build(self, architecture: Architecture, data: DataShape) -> nn.Module:
        """Return an untrained network."""
        channels, width = data.input_shape[0], int(architecture["width"])
        layers: list[nn.Module] = []
        for index in range(int(architecture["blocks.repeat"])):
            kernel, stride, is_separable = (
                architecture[f"blocks.{index}.{name}"]
                for name in ("kernel", "stride", "is_separable")
            )
            layers += _block(channels, width, int(kernel), int(stride), bool(is_separable))
            channels = width
        return SignalNet(nn.Sequential(*layers), channels, data.num_classes)


def _block(
    channels: int, width: int, kernel: int, stride: int, is_separable: bool
) -> list[nn.Module]:
    padding = kernel // 2
    if is_separable:
        convolution: list[nn.Module] = [
            nn.Conv1d(channels, channels, kernel, stride, padding, groups=channels, bias=False),
            nn.Conv1d(channels, width, 1, bias=False),
        ]
    else:
        convolution = [nn.Conv1d(channels, width, kernel, stride, padding, bias=False)]
    return [*convolution, nn.BatchNorm1d(width), nn.ReLU()]
