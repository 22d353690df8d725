"""Proxies against closed forms of tiny networks."""

import math

import pytest
import torch
from torch import nn

from nas.measure.proxies import PROXIES, score_proxies

IMAGES = torch.randn(4, 1, 2, 2, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 0, 1])
BATCHES = [(IMAGES, LABELS), (IMAGES.flip(2), LABELS)]


def linear(*, norm=False):
    layers = [nn.Flatten(), nn.Linear(4, 3, bias=False)]
    layers += [nn.BatchNorm1d(3)] if norm else []
    return nn.Sequential(*layers, nn.ReLU(), nn.Linear(3, 2, bias=False))


def score(name, build, batches=BATCHES):
    return score_proxies(build, batches, names=[name])[name]


@pytest.mark.parametrize("norm", [False, True], ids=["plain", "with_norm"])
def test_synflow_of_two_matrices_is_the_sum_over_all_paths(norm):
    torch.manual_seed(0)
    model = linear(norm=norm)
    first, second = (m.weight.detach().double().abs() for m in (model[1], model[-1]))

    found = score("synflow", lambda: linear(norm=norm))

    # Every path from an input of 1 to an output has the product of its weights as flow, and each
    # of the two layers counts it once.
    assert found == pytest.approx(math.log(2 * float((second @ first).sum())), rel=1e-6)


def test_synflow_does_not_overflow_in_deep_networks():
    def deep():
        layers = [nn.Linear(50, 50) for _ in range(120)]
        for layer in layers:
            nn.init.constant_(layer.weight, 5.0)
        return nn.Sequential(nn.Flatten(), nn.Linear(4, 50), *layers)

    assert math.isfinite(score("synflow", deep))


def test_naswot_is_the_determinant_of_equal_sides():
    class Signs(nn.Module):
        def __init__(self):
            super().__init__()
            self.act = nn.ReLU()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, images):
            return self.act(self.scale * images.flatten(1))

    # Two units; three images on sides (+,+), (+,-) and (-,-).
    images = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])[:, None, None, :]
    equal_sides = torch.tensor([[2.0, 1.0, 0.0], [1.0, 2.0, 1.0], [0.0, 1.0, 2.0]])

    found = score("naswot", Signs, [(images, torch.zeros(3, dtype=torch.long))] * 2)

    assert found == pytest.approx(math.log(float(torch.det(equal_sides))), rel=1e-6)


@pytest.mark.parametrize("images", [torch.zeros(4, 1, 2, 2), torch.ones(4, 1, 2, 2)])
def test_naswot_of_images_that_are_alike_has_no_value(images):
    assert math.isnan(score("naswot", linear, [(images, LABELS)] * 2))


def test_naswot_without_activations_has_no_value():
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))

    assert math.isnan(score("naswot", lambda: model))


def test_the_gradient_norm_is_that_of_autograd():
    torch.manual_seed(0)
    model = linear()
    loss = nn.functional.cross_entropy(model(IMAGES), LABELS)
    gradients = torch.autograd.grad(loss, list(model.parameters()))

    expected = sum(float(gradient.norm()) for gradient in gradients)
    assert score("grad_norm", linear) == pytest.approx(expected, rel=1e-5)


def test_zico_is_the_sum_of_log_ratios_of_mean_and_deviation():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
    rows = []
    for images, labels in BATCHES:
        loss = nn.functional.cross_entropy(model(images), labels)
        rows.append(torch.autograd.grad(loss, [model[1].weight])[0].flatten())
    one, other = rows
    # Of two values the deviation is half their distance.
    ratio = ((one.abs() + other.abs()) / 2) / ((one - other).abs() / 2)

    def build():
        return nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))

    assert score("zico", build) == pytest.approx(math.log(float(ratio.sum())), rel=1e-4)


def test_scores_are_the_same_for_a_seed_and_leave_torchs_own_state_alone():
    before = torch.random.get_rng_state()

    scores = [score_proxies(linear, BATCHES, names=list(PROXIES), seed=3) for _ in range(2)]

    assert scores[0] == pytest.approx(scores[1], nan_ok=True)
    assert torch.equal(before, torch.random.get_rng_state())


def test_every_proxy_names_its_paper():
    assert all("arXiv:" in proxy.paper for proxy in PROXIES.values())
