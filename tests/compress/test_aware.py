"""Training under the rounding of the file, and storing what was trained."""

import copy

import pytest
import torch
from torch import nn

from nas.compress.aware import InputRounding, make_aware, remove_rounding, stop_rounding_inputs
from nas.compress.quantize import weight_bits
from nas.compress.storage import costs_as_stored, storage_of


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(8 * 16, 5),
    )


@pytest.fixture
def images():
    return torch.randn(6, 3, 4, 4, generator=torch.Generator().manual_seed(1))


def test_input_has_256_levels_between_the_bounds_of_the_batches():
    rounding = InputRounding().train()
    inputs = torch.linspace(-1.0, 4.0, 10_001)

    rounding(inputs)
    rounded = rounding.eval()(inputs)

    step = 5.0 / 255
    assert len(rounded.unique()) == 256
    assert float((rounded - inputs).abs().max()) <= step / 2 + 1e-6
    assert 0.0 in rounded


def test_bounds_are_the_mean_of_the_first_ten_batches_and_then_follow():
    rounding = InputRounding().train()
    highs = [float(value) for value in range(1, 13)]
    for high in highs:
        rounding(torch.tensor([0.0, high]))

    expected = sum(highs[:10]) / 10
    for high in highs[10:]:
        expected += 0.1 * (high - expected)
    assert float(rounding.high) == pytest.approx(expected)


def test_gradients_pass_within_the_bounds_and_stop_beyond():
    rounding = InputRounding().train()
    rounding(torch.tensor([-1.0, 1.0]))
    inputs = torch.tensor([-3.0, 0.3, 3.0], requires_grad=True)

    rounding.eval()(inputs).sum().backward()

    assert inputs.grad.tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("bits", [4, 8])
def test_trained_weights_lie_on_the_grid_that_is_stored(images, bits):
    model = network()
    make_aware(model, bits=bits)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        model(images).square().mean().backward()
        optimizer.step()
    storage = storage_of(model)
    plain = copy.deepcopy(model)
    remove_rounding(plain)

    packed = storage.pack(copy.deepcopy(model))

    shapes = {name: tensor.shape for name, tensor in plain.state_dict().items()}
    state = storage.unpack(packed, shapes)
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(state[name], tensor, rtol=1e-6, atol=0)
    highest = 2 ** (bits - 1) - 1
    row = plain[0].weight[0].detach()
    levels = row / row.abs().max() * highest
    torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-4)


def test_a_model_without_rounding_is_an_ordinary_one(images):
    model = network()
    make_aware(model, bits=8)
    model(images)
    model.eval()
    remove_rounding(model)

    assert weight_bits(model) is None
    assert storage_of(model) is None
    assert set(model.state_dict()) == set(network().state_dict())
    assert not any(isinstance(module, InputRounding) for module in model.modules())
    assert costs_as_stored({"size_bytes": 7.0}, model) == {"size_bytes": 7.0}


@pytest.mark.parametrize("bits", [4, 8])
def test_stored_model_computes_the_same_in_fewer_bytes(images, bits):
    model = network()
    make_aware(model, bits=bits)
    model(images)
    model.eval()
    stop_rounding_inputs(model)
    stored = copy.deepcopy(model)

    storage_of(model).store(stored)

    with torch.no_grad():
        torch.testing.assert_close(stored(images), model(images), rtol=1e-5, atol=1e-6)
    kept = sum(t.numel() * t.element_size() for t in stored.state_dict().values())
    assert kept == storage_of(model).num_bytes(model)


def test_ending_the_rounding_of_a_copy_leaves_the_original_as_it_is(images):
    model = network()
    make_aware(model, bits=8)
    model(images)
    model.eval()
    expected = model(images)
    copied = copy.deepcopy(model)

    remove_rounding(copied)

    torch.testing.assert_close(model(images), expected, rtol=0, atol=0)
    assert weight_bits(model) == 8


def test_model_of_floats_has_no_storage_of_its_own():
    assert storage_of(network()) is None


def test_zero_weights_have_a_grid_too(images):
    model = nn.Sequential(nn.Conv2d(3, 2, 1))
    nn.init.zeros_(model[0].weight)
    make_aware(model, bits=8)

    assert torch.isfinite(model(images)).all()


def test_bits_of_weights_are_told():
    model = network()
    make_aware(model, bits=4)

    assert weight_bits(model) == 4
    assert not any(isinstance(module, InputRounding) for module in model.modules())
