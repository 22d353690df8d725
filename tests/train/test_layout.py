"""A network in memory: channels last, and no layer that writes beyond its memory."""

import copy

import pytest
import torch
from torch import nn

from nas.train.layout import placed

CPU = torch.device("cpu")


@pytest.mark.parametrize("channels", [4, 6, 24])
@pytest.mark.parametrize("stride", [1, 2, (1, 2)])
def test_a_pointwise_convolution_that_skips_places_computes_the_same(channels, stride):
    plain = nn.Sequential(nn.Conv2d(channels, 12, 1, stride))
    ours = placed(copy.deepcopy(plain), CPU)
    images = torch.randn(64, channels, 15, 16).to(memory_format=torch.channels_last)
    expected, found = plain(images.contiguous()), ours(images)
    assert torch.allclose(found, expected, atol=1e-5)
    for _ in range(4):  # ended the process
        ours(images).square().sum().backward()
    expected.square().sum().backward()
    assert torch.allclose(ours[0].weight.grad / 4, plain[0].weight.grad, rtol=1e-3, atol=1e-2)
    assert list(ours.state_dict()) == list(plain.state_dict())


def test_other_layers_stay_as_they_are():
    model = placed(nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.Conv2d(8, 8, 1)), CPU)
    assert model[0].stride == (2, 2)
    assert not model[0]._forward_pre_hooks
    assert model[0].weight.is_contiguous(memory_format=torch.channels_last)
