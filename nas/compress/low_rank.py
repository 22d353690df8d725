"""Replaces linear layers by products of two thinner ones.

The truncated singular value decomposition is the best approximation of its rank (Eckart and Young,
1936); for networks: Denton et al., 2014, https://arxiv.org/abs/1404.0736. The rank is chosen so
that the two factors hold a stated share of the layer's weights.

Notation: W (out, in), the weight; W = U S V with singular values S in descending order; r, the
rank; `up` = U_r sqrt(S_r) (out, r) and `down` = sqrt(S_r) V_r (r, in), so W is about `up @ down`;
share = r (in + out) / (in out).
"""

from collections.abc import Mapping

import torch
from torch import nn


def kept_rank(in_features: int, features: int, share: float) -> int:
    """Return the rank at which the two factors hold `share` of the layer's weights, at least 1."""
    return max(1, int(share * in_features * features / (in_features + features)))


def factorise(model: nn.Module, shares: Mapping[str, float]) -> None:
    """Replace linear layers by two factors each, in place.

    Args:
        model: any; on the meta device only shapes change.
        shares: name of a linear layer -> share of its weights that stay, below 1; others stay
            whole.
    """
    for name, share in shares.items():
        if share >= 1.0:
            continue
        parent, _, word = name.rpartition(".")
        layer = model.get_submodule(name)
        assert isinstance(layer, nn.Linear), f"{name} is a {type(layer).__name__}"
        setattr(model.get_submodule(parent), word, _factors(layer, share))


def _factors(layer: nn.Linear, share: float) -> nn.Sequential:
    rank = kept_rank(layer.in_features, layer.out_features, share)
    place = {"device": layer.weight.device, "dtype": layer.weight.dtype}
    down = nn.Linear(layer.in_features, rank, bias=False, **place)
    up = nn.Linear(rank, layer.out_features, bias=layer.bias is not None, **place)
    if layer.weight.is_meta:
        return nn.Sequential(down, up)
    left, values, right = torch.linalg.svd(layer.weight.detach(), full_matrices=False)
    roots = values[:rank].sqrt()
    with torch.no_grad():
        # The roots on both sides: factors of one scale train at one learning rate.
        down.weight.copy_(roots[:, None] * right[:rank])
        up.weight.copy_(left[:, :rank] * roots)
        if layer.bias is not None:
            up.bias.copy_(layer.bias)
    return nn.Sequential(down, up)
