"""Muon: steps whose singular values are even, and which weights take them."""

import pytest
import torch
from torch import nn

from nas.train.checkpoint import load_checkpoint, save_checkpoint
from nas.train.loop import Training, evaluate
from nas.train.muon import Muon, Together, evened
from nas.train.recipe import Recipe
from nas.train.schedule import make_optimizer


@pytest.mark.parametrize("shape", [(6, 50), (50, 6), (8, 8), (1, 9)])
def test_a_matrix_is_evened_along_its_own_directions(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    evens = torch.diagonal(left.T @ evened(matrix) @ right.T)
    assert values.max() / values.min() > 1.5 or len(values) == 1
    assert ((evens > 0.6) & (evens < 1.3)).all()
    assert torch.allclose(evened(matrix), (left * evens) @ right, atol=1e-4)


def test_zeros_stay_zeros():
    assert not evened(torch.zeros(3, 5)).any()


def test_the_scale_of_gradients_does_not_matter():
    steps = []
    for scale in (1e-4, 1.0, 1e4):
        kernel = nn.Parameter(torch.zeros(4, 3, 3, 3))
        torch.manual_seed(0)
        kernel.grad = scale * torch.randn(4, 3, 3, 3)
        Muon([{"params": [kernel], "lr": 0.1, "weight_decay": 0.0}]).step()
        steps.append(kernel.detach())
    assert torch.allclose(steps[0], steps[1], atol=1e-4)
    assert torch.allclose(steps[2], steps[1], atol=1e-4)


def test_weights_shrink_by_their_decay():
    kernel = nn.Parameter(torch.ones(2, 2))
    kernel.grad = torch.zeros(2, 2)
    Muon([{"params": [kernel], "lr": 0.1, "weight_decay": 0.5}]).step()
    assert torch.allclose(kernel, torch.full((2, 2), 0.95))


def test_kernels_and_matrices_inside_are_its_own():
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3),  # reads the images
        nn.BatchNorm2d(8),
        nn.Conv2d(8, 8, 3, groups=8),  # depthwise
        nn.Conv2d(8, 16, 1),
        nn.Flatten(),
        nn.Linear(16, 12),
        nn.Linear(12, 4),  # tells the classes
    )
    optimizer = make_optimizer(model, Recipe(optimizer="muon"), torch.device("cpu"))
    assert isinstance(optimizer, Together)
    *others, own = optimizer.param_groups
    assert [tuple(p.shape) for p in own["params"]] == [(16, 8, 1, 1), (12, 16)]
    known = [p for group in (*others, own) for p in group["params"]]
    assert {id(p) for p in known} == {id(p) for p in model.parameters()}
    assert len(known) == len(list(model.parameters()))


def test_a_network_without_anything_inside_has_adamw_alone():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4, 2))
    optimizer = make_optimizer(model, Recipe(optimizer="muon"), torch.device("cpu"))
    assert isinstance(optimizer, torch.optim.AdamW)


def test_it_learns_the_digits(resident, make_model):
    torch.manual_seed(0)
    recipe = Recipe(epochs=2, device="cpu", learning_rate=0.007, optimizer="muon")
    training = Training(make_model(), resident, recipe, seed=0)
    training.run()
    assert evaluate(training.model, resident).accuracy > 0.9


def test_a_training_that_was_cut_ends_with_the_same_numbers(resident, make_model, tmp_path):
    recipe = Recipe(epochs=1, device="cpu", optimizer="muon")
    whole = Training(make_model(), resident, recipe, seed=0)
    torch.manual_seed(1)
    whole.run()
    torch.manual_seed(1)
    first = Training(make_model(), resident, recipe, seed=0)
    first.run(budget=0.5)
    save_checkpoint(first, tmp_path)
    second = Training(make_model(seed=5), resident, recipe, seed=0)
    assert load_checkpoint(second, tmp_path)
    second.run()
    for one, other in zip(whole.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(one, other)
