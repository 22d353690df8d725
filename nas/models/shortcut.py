"""Two full convolutions with a shortcut over both: the block of residual networks.

As in ResNet (He et al., 2016, https://arxiv.org/abs/1512.03385), with the shortcut of ResNet-D
where the map or the channels change: averaged, then a pointwise convolution (He et al., 2019,
https://arxiv.org/abs/1812.01187, section 4.2).
"""

from collections.abc import Callable

import torch
from torch import nn

# ruff: noqa: N803 - names of tensors end in their shapes
# B images, C channels, H height, W width


class ShortcutBlock(nn.Module):
    """A residual block: maps (B, C, H, W) to maps, half as large where the stride is 2.

    Args:
        in_channels: of the maps that come in.
        channels: of those that go out.
        inner_channels: between the two convolutions.
        kernel: side of both, odd.
        stride: of the first one, 1 or 2.
        activation: makes one, in place.
        squeeze: weighs the inner channels, given their number; None for nothing.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        inner_channels: int,
        kernel: int,
        stride: int,
        activation: type[nn.Module],
        squeeze: Callable[[int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.conv1 = _convolution(in_channels, inner_channels, kernel, stride)
        self.norm1 = nn.BatchNorm2d(inner_channels)
        self.act1 = activation(inplace=True)
        self.squeeze = nn.Identity() if squeeze is None else squeeze(inner_channels)
        self.conv2 = _convolution(inner_channels, channels, kernel, 1)
        self.norm2 = nn.BatchNorm2d(channels)
        self.shortcut = _shortcut(in_channels, channels, stride)
        self.act2 = activation(inplace=True)

    def forward(self, maps_BCHW: torch.Tensor) -> torch.Tensor:
        """Return the maps that go out."""
        inner = self.squeeze(self.act1(self.norm1(self.conv1(maps_BCHW))))
        out: torch.Tensor = self.act2(self.norm2(self.conv2(inner)) + self.shortcut(maps_BCHW))
        return out


def _convolution(in_channels: int, channels: int, kernel: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, channels, kernel, stride, padding=kernel // 2, bias=False)


def _shortcut(in_channels: int, channels: int, stride: int) -> nn.Module:
    if stride == 1 and in_channels == channels:
        return nn.Identity()
    layers: list[nn.Module] = []
    if stride > 1:  # odd maps keep their last row and column
        layers = [nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)]
    return nn.Sequential(
        *layers, nn.Conv2d(in_channels, channels, 1, bias=False), nn.BatchNorm2d(channels)
    )
