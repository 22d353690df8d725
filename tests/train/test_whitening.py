"""The first convolution begins as whitening filters: what it puts out, and when it stays alone."""

import pytest
import torch
from torch import nn

from nas.train.batches import TrialData
from nas.train.resident import ResidentSplit
from nas.train.whitening import begins_at_random, first_convolution, whiten_first_convolution


@pytest.fixture
def blurred():
    """Colour images whose neighbouring pixels, and channels, are nearly equal."""
    chance = torch.Generator().manual_seed(0)
    noise = torch.rand(64, 1, 16, 16, generator=chance)
    smooth = nn.functional.avg_pool2d(noise, 5, 1, padding=2).repeat(1, 3, 1, 1)
    images = smooth + 0.02 * torch.rand(64, 3, 16, 16, generator=chance)
    split = ResidentSplit(images.permute(0, 2, 3, 1).contiguous(), torch.zeros(64).long())
    flat = split.images_NHWC.flatten(0, 2)
    return TrialData(split, split, flat.mean(0), flat.std(0), is_mirrorable=False)


def correlation_of(layer, data):
    """Return the largest correlation between two filters' outputs that are no opposites."""
    out = layer(data.to_input(data.train.images_NHWC)).transpose(0, 1).flatten(1).detach()
    found = torch.corrcoef(out).abs()
    half = len(found) // 2
    return float((found[:half, :half] - torch.eye(half)).abs().max())


def test_filters_answer_to_different_directions(blurred):
    layer = nn.Conv2d(3, 12, 3, bias=False)
    before = correlation_of(layer, blurred)
    assert whiten_first_convolution(nn.Sequential(layer), blurred)
    assert before > 0.7
    assert correlation_of(layer, blurred) < 0.4
    assert torch.equal(layer.weight[:6], -layer.weight[6:])


def test_filters_beyond_both_signs_of_all_directions_stay_at_random(blurred):
    layer = nn.Conv2d(3, 60, 3)
    before = layer.weight.detach().clone()
    assert whiten_first_convolution(nn.Sequential(layer), blurred)
    assert torch.equal(layer.weight[54:], before[54:])
    assert not torch.isclose(layer.weight[:54], before[:54]).all(1).any()


def test_a_single_filter_is_the_strongest_direction(blurred):
    layer = nn.Conv2d(3, 1, 3)
    assert whiten_first_convolution(nn.Sequential(layer), blurred)
    assert len(layer.weight.sign().unique()) == 1  # brightness


@pytest.mark.parametrize(
    "model",
    [
        nn.Linear(3, 4),
        nn.Conv2d(4, 8, 3),  # reads no colour images
        nn.Conv2d(3, 8, 1),
        nn.Conv2d(3, 8, 17),  # larger than the images
    ],
    ids=["none", "other channels", "pointwise", "too large"],
)
def test_other_models_stay_as_they_are(blurred, model):
    before = model.weight.detach().clone()
    assert not whiten_first_convolution(model, blurred)
    assert torch.equal(model.weight, before)


def test_images_without_any_difference_make_no_infinite_weights(blurred):
    blurred.train.images_NHWC.fill_(0.5)
    layer = nn.Conv2d(3, 8, 3)
    whiten_first_convolution(layer, blurred)
    assert layer.weight.isfinite().all()


def test_a_trained_first_convolution_is_told_from_one_at_random():
    trained = nn.Conv2d(3, 8, 3).state_dict()

    def pretrained():
        layer = nn.Conv2d(3, 8, 3)
        layer.load_state_dict(trained)
        return layer

    def fresh():
        return nn.Conv2d(3, 8, 3)

    state = torch.random.get_rng_state()
    assert begins_at_random(fresh, model := fresh(), 3)
    assert not begins_at_random(pretrained, pretrained(), 3)
    assert not begins_at_random(fresh, model, 1)  # reads no grey images
    torch.random.set_rng_state(state)
    assert torch.equal(fresh().weight, model.weight)  # randomness outside was left alone


def test_the_first_of_several_convolutions_is_found():
    model = nn.Sequential(nn.Conv2d(3, 3, 3, groups=3), nn.Conv2d(3, 4, 3), nn.Conv2d(4, 3, 3))
    assert first_convolution(model, 3) is model[1]
