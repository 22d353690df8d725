"""Weights of few bits: levels, gradients, and stored bytes that give the same network back."""

import copy

import pytest
import timm
import torch
from torch import nn

from nas.compress.quantize import pack, packed_bytes, quantize_weights, unpack
from nas.compress.storage import storage_of

IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
bits_of_all = pytest.mark.parametrize("bits", [4, 8])


def made() -> nn.Module:
    torch.manual_seed(0)
    model: nn.Module = timm.create_model("test_resnet", num_classes=10)
    return model.eval()


@bits_of_all
def test_each_channel_has_no_more_levels_than_its_bits_allow(bits):
    model = made()
    original = model.fc.weight.detach().clone()
    quantize_weights(model, bits=bits)
    for row, before in zip(model.fc.weight, original, strict=True):
        assert len(row.unique()) <= 2**bits - 1
        step = before.abs().max() / (2 ** (bits - 1) - 1)
        assert (row - before).abs().max() <= step / 2 * 1.001


@bits_of_all
def test_what_is_stored_is_as_large_as_foretold_and_computes_the_same(bits):
    plain = made()
    model = copy.deepcopy(plain)
    quantize_weights(model, bits=bits)
    stored = pack(model, bits=bits)
    size = sum(tensor.numel() * tensor.element_size() for tensor in stored.values())
    assert size == packed_bytes(model, bits=bits) == storage_of(model).num_bytes(model)
    shapes = {name: tensor.shape for name, tensor in plain.state_dict().items()}
    plain.load_state_dict(unpack(stored, shapes, bits=bits))
    with torch.no_grad():
        torch.testing.assert_close(plain(IMAGES), model(IMAGES))


@pytest.mark.parametrize(("bits", "share"), [(8, 0.25), (4, 0.125)])
def test_weights_take_their_share_of_bits(bits, share):
    model = nn.Sequential(nn.Linear(256, 256, bias=False))
    full = 4 * 256 * 256
    quantize_weights(model, bits=bits)
    assert packed_bytes(model, bits=bits) == share * full + 4 * 256


def test_gradients_pass_the_rounding():
    model = nn.Linear(8, 4, bias=False)
    quantize_weights(model, bits=4)
    inputs = torch.randn(3, 8)
    model(inputs).sum().backward()
    original = model.parametrizations.weight.original
    torch.testing.assert_close(original.grad, inputs.sum(0).expand(4, 8))


def test_an_odd_number_of_weights_and_a_channel_of_zeros_survive():
    plain = nn.Linear(3, 3)
    with torch.no_grad():
        plain.weight[1] = 0
    model = copy.deepcopy(plain)
    quantize_weights(model, bits=4)
    shapes = {name: tensor.shape for name, tensor in plain.state_dict().items()}
    plain.load_state_dict(unpack(pack(model, bits=4), shapes, bits=4))
    torch.testing.assert_close(plain.weight, model.weight)
    assert not plain.weight[1].any()
