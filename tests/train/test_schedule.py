"""One cycle of the learning rate, and the parameters that decay."""

import pytest
import torch
from torch import nn

from nas.train.recipe import Recipe
from nas.train.schedule import learning_rate_factor, make_optimizer


def factors(num_steps, warmup):
    return [
        learning_rate_factor(step, num_steps=num_steps, warmup=warmup) for step in range(num_steps)
    ]


@pytest.mark.parametrize("num_steps", [1, 2, 7, 100])
@pytest.mark.parametrize("warmup", [0.0, 0.3, 0.9])
def test_the_rate_rises_to_its_peak_once_and_then_falls(num_steps, warmup):
    found = factors(num_steps, warmup)
    peak = found.index(max(found))
    assert found[: peak + 1] == sorted(found[: peak + 1])
    assert found[peak:] == sorted(found[peak:], reverse=True)
    assert max(found) == pytest.approx(1.0)
    assert min(found) > 0.0


def test_half_way_down_the_rate_is_half():
    # 20 warm-up steps, 79 to fall: half a cosine is 1/2 in the middle.
    assert factors(99, 20 / 99)[19 + 40] == pytest.approx(0.5)


def test_norms_and_biases_do_not_decay():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    decayed, kept = make_optimizer(
        model, Recipe(weight_decay=0.3), torch.device("cpu")
    ).param_groups
    assert (decayed["weight_decay"], kept["weight_decay"]) == (0.3, 0.0)
    assert [tuple(p.shape) for p in decayed["params"]] == [(4, 1, 3, 3), (2, 4)]
    assert sum(p.numel() for p in kept["params"]) == 4 + 4 + 4 + 2


def test_frozen_parameters_are_left_out():
    model = nn.Linear(3, 2)
    model.bias.requires_grad_(False)
    groups = make_optimizer(model, Recipe(), torch.device("cpu")).param_groups
    assert [tuple(p.shape) for group in groups for p in group["params"]] == [(2, 3)]
