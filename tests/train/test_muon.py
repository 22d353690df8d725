"""Muon: even singular values, torch's own in bfloat16, and which weights it is for."""

import pytest
import torch
from torch import nn

from nas.train.checkpoint import load_checkpoint, save_checkpoint
from nas.train.loop import Training, evaluate
from nas.train.muon import Muon, Together, even_singular_values
from nas.train.recipe import Recipe
from nas.train.schedule import make_optimizer

SHAPES = [(24, 24), (48, 16), (16, 40), (8, 90), (90, 8)]


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", SHAPES)
def test_singular_values_come_near_one_and_vectors_stay(shape):
    left, _, right = torch.linalg.svd(drawn(*shape), full_matrices=False)
    values = torch.linspace(1.0, 0.05, min(shape))  # of a length of 3: the least is 0.016 of it
    found = even_singular_values((left * values @ right)[None])[0]
    inside = left.mT @ found @ right.mT
    assert torch.all((inside.diag() > 0.65) & (inside.diag() < 1.25))
    assert torch.allclose(inside, torch.diag(inside.diag()), atol=1e-4)


def test_zeros_stay_zeros():
    assert torch.equal(even_singular_values(torch.zeros(2, 3, 5)), torch.zeros(2, 3, 5))


@pytest.mark.parametrize("shape", SHAPES)
def test_steps_are_those_of_torch_but_for_its_rounding(shape):
    """torch rounds products to 8 bits; the steps differ by less than those bits tell."""
    if not hasattr(torch.optim, "Muon"):
        pytest.skip("this torch has no Muon")
    begun = drawn(*shape)
    ours, theirs = (torch.nn.Parameter(begun.clone()) for _ in range(2))
    settings = {"lr": 0.02, "weight_decay": 0.1}
    own = Muon([{"params": [ours], **settings}])
    other = torch.optim.Muon([theirs], **settings, adjust_lr_fn="original")
    for seed in range(5):
        ours.grad = drawn(*shape, seed=seed + 1)
        theirs.grad = ours.grad.clone()
        own.step()
        other.step()
    assert (ours - theirs).norm() < 0.02 * (theirs - begun).norm()


def test_matrices_of_equal_shape_move_as_each_alone():
    together = [torch.nn.Parameter(drawn(8, 6, seed=seed)) for seed in range(3)]
    alone = [torch.nn.Parameter(matrix.detach().clone()) for matrix in together]
    one = Muon([{"params": together}])
    each = [Muon([{"params": [matrix]}]) for matrix in alone]
    for seed in range(3):
        for place, pair in enumerate(zip(together, alone, strict=True)):
            for matrix in pair:
                matrix.grad = drawn(8, 6, seed=10 * place + seed + 5)
        one.step()
        for optimizer in each:
            optimizer.step()
    for a, b in zip(together, alone, strict=True):
        assert torch.allclose(a, b, atol=1e-6)


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


def test_kernels_inside_are_its_own():
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3),  # reads the images
        nn.BatchNorm2d(8),
        nn.Conv2d(8, 8, 3, groups=8),  # depthwise
        nn.Conv2d(8, 16, 1),
        nn.Flatten(),
        nn.Linear(16, 12),
        nn.Linear(12, 4),
    )
    optimizer = make_optimizer(model, Recipe(optimizer="muon"), torch.device("cpu"))
    assert isinstance(optimizer, Together)
    *others, own = optimizer.param_groups
    assert [tuple(p.shape) for p in own["params"]] == [(16, 8, 1, 1)]
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
