"""Factorised linear layers against the theorem of Eckart and Young."""

import pytest
import torch
from torch import nn

from nas.compress.low_rank import factorise, kept_rank


def layer() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(24, 40), nn.ReLU(), nn.Linear(40, 10))


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_the_error_is_the_best_that_any_matrix_of_that_rank_has(share):
    model = layer()
    original = model[0].weight.detach().clone()
    values = torch.linalg.svdvals(original)
    factorise(model, {"0": share})
    rank = kept_rank(24, 40, share)
    product = model[0][1].weight @ model[0][0].weight
    assert torch.linalg.matrix_rank(product) == rank
    error = torch.linalg.matrix_norm(product - original)
    torch.testing.assert_close(error, values[rank:].pow(2).sum().sqrt(), rtol=1e-4, atol=1e-5)


def test_a_layer_of_low_rank_is_kept_exactly():
    model = layer()
    with torch.no_grad():
        model[0].weight.copy_(torch.randn(40, 3) @ torch.randn(3, 24))
    inputs = torch.randn(5, 24)
    before = model(inputs)
    factorise(model, {"0": 0.5, "2": 1.0})
    torch.testing.assert_close(model(inputs), before, rtol=1e-3, atol=1e-4)
    assert isinstance(model[2], nn.Linear)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.99])
def test_the_factors_hold_no_more_than_the_share_of_the_weights(share):
    rank = kept_rank(24, 40, share)
    assert rank >= 1
    assert rank * (24 + 40) <= share * 24 * 40 or rank == 1
