"""The block of residual networks."""

import pytest
import torch
from torch import nn

from nas.models.shortcut import ShortcutBlock


def block(in_channels=4, channels=4, stride=1, **settings):
    return ShortcutBlock(
        in_channels, channels, inner_channels=6, kernel=3, stride=stride, activation=nn.ReLU,
        **settings,
    )  # fmt: skip


def without_convolutions(made):
    """What is left where the second norm lets nothing through."""
    nn.init.zeros_(made.norm2.weight)
    return made.eval()


def test_maps_of_one_size_pass_unchanged_beside_the_convolutions():
    maps = torch.rand(2, 4, 5, 5)

    assert torch.equal(without_convolutions(block())(maps), maps)


def test_the_shortcut_of_smaller_maps_is_a_mean_and_a_pointwise_convolution():
    made = without_convolutions(block(channels=8, stride=2))
    maps = torch.ones(1, 4, 6, 6)
    nn.init.ones_(made.shortcut[1].weight)  # sums four channels of ones

    out = made(maps)

    assert out.shape == (1, 8, 3, 3)
    torch.testing.assert_close(out, torch.full_like(out, 4.0 / (1 + 1e-5) ** 0.5))


@pytest.mark.parametrize("side", [5, 6])
def test_odd_maps_are_halved_as_the_convolution_halves_them(side):
    assert block(stride=2)(torch.zeros(2, 4, side, side)).shape == (2, 4, 3, 3)


def test_squeeze_weighs_the_inner_channels():
    made = block(squeeze=lambda channels: nn.Conv2d(channels, channels, 1))

    assert made.squeeze.in_channels == 6
