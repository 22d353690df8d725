"""Muon: the same singular vectors, singular values near 1, and torch's own in bfloat16."""

import pytest
import torch

from nas.train.muon import Muon, even_singular_values

SHAPES = [(24, 24), (48, 16), (16, 40)]


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
